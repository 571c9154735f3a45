-- The rollups, for people: event logs of each minute, and how long requests took in each hour.
CREATE VIEW counts_by_minute AS
SELECT
    strftime('%Y-%m-%dT%H:%MZ', minute * 60, 'unixepoch') AS minute,
    service,
    action,
    status,
    error_type,
    sum(events) AS events
FROM minutes
JOIN shapes ON shapes.id = shape_id
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW action_durations AS
SELECT
    strftime('%Y-%m-%dT%HZ', hour * 3600, 'unixepoch') AS hour,
    service,
    action,
    status,
    round(
        CASE WHEN bucket < 16 THEN bucket ELSE (8 + (bucket & 7)) << ((bucket >> 3) - 1) END / 1e6,
        3
    ) AS from_ms,
    sum(events) AS requests
FROM durations
JOIN shapes ON shapes.id = shape_id
GROUP BY hour, service, action, status, bucket
