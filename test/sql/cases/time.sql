-- query: times are UTC with six digits
SELECT event_time FROM detections ORDER BY event_time LIMIT 2
-- answer
event_time
2026-11-22T10:00:00.000000Z
2026-11-22T10:00:02.000000Z

-- query: buckets
SELECT time_bucket(INTERVAL '10 seconds', event_time) AS bucket, count(*) AS n FROM detections GROUP BY ALL ORDER BY ALL
-- answer
bucket,n
2026-11-22T10:00:00.000000Z,5
2026-11-22T10:00:10.000000Z,5
2026-11-22T10:00:20.000000Z,5
2026-11-22T10:00:30.000000Z,5
2026-11-22T10:00:40.000000Z,4

-- query: a range with and without a zone
SELECT count(*) AS a, count(*) FILTER (event_time >= '2026-11-22 10:00:20') AS b, count(*) FILTER (event_time >= '2026-11-22T11:00:20+01:00') AS c FROM detections
-- answer
a,b,c
24,14,14

-- query: lateness is a duration
SELECT max(ingest_time - event_time) AS behind FROM detections
-- answer
behind
PT60S

-- query: parts of a time
SELECT DISTINCT hour(event_time) AS h, date_trunc('minute', event_time) AS m FROM detections
-- answer
h,m
10,2026-11-22T10:00:00.000000Z
