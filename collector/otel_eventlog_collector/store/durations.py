"""The scale on which durations are counted: eight buckets to each doubling, so some 9 % wide.

Bucket numbers ascend without a gap from 0 (0 ns); below 16 ns each nanosecond is a bucket. The
lower bound of bucket b from 16 on is `(8 + b % 8) * 2 ** (b // 8 - 1)` nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_right

_STEPS = 8
_DOUBLINGS = 60


def bucket_floor_ns(bucket: int) -> int:
    """Return the shortest duration in a bucket."""
    if bucket < 2 * _STEPS:
        return bucket
    return (_STEPS + bucket % _STEPS) << (bucket // _STEPS - 1)


BUCKET_FLOORS_NS = tuple(bucket_floor_ns(bucket) for bucket in range(_STEPS * (_DOUBLINGS + 1)))
"""Lower bound of every bucket, so that `bisect_right(BUCKET_FLOORS_NS, ns) - 1` is the bucket."""


def bucket_of(duration_ns: int) -> int:
    """Return the bucket of a duration; a negative one counts as none."""
    return max(0, bisect_right(BUCKET_FLOORS_NS, duration_ns) - 1)
