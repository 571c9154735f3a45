// Exports one span with a stock exporter: node export.js http|proto|grpc URL none|gzip
// Prints what was exported as JSON, for the test to compare.
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [, , kind, url, compression] = process.argv;
const Exporter = { http: HttpExporter, proto: ProtoExporter, grpc: GrpcExporter }[kind];
const exporter = new Exporter({ url, compression });

const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "node-shop" }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const span = provider.getTracer("shop.login").startSpan("POST /login", {
  kind: SpanKind.SERVER,
  attributes: {
    "http.request.method": "POST",
    "http.route": "/users/:userId/totp",
    "http.response.status_code": 401,
    ratio: 0.5,
    ok: false,
    tags: ["a", "b"],
  },
});
span.recordException(new Error("wrong password"));
span.setStatus({ code: SpanStatusCode.ERROR, message: "täxt" });
span.end();
await provider.forceFlush();
await provider.shutdown();

const { traceId, spanId } = span.spanContext();
const nanos = ([seconds, rest]) => String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));
console.log(
  JSON.stringify({ traceId, spanId, start: nanos(span.startTime), end: nanos(span.endTime) }),
);
