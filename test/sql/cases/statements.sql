-- query: the tables
SHOW TABLES
-- answer
name
detections
detections$dead
detections$dupes
detections$ledger

-- query: a table's shape
SELECT column_name, column_type FROM (DESCRIBE detections) LIMIT 8
-- answer
column_name,column_type
detection_id,UUID
event_time,TIMESTAMP WITH TIME ZONE
camera_id,VARCHAR
location_id,VARCHAR
item_name,VARCHAR
confidence,DOUBLE
bbox,"STRUCT(x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)"
track_id,VARCHAR

-- query: WITH, recursive
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT sum(n) AS s FROM t
-- answer
s
10

-- query: windows
SELECT camera_id, position - lag(position) OVER (PARTITION BY camera_id ORDER BY position) AS step FROM detections QUALIFY row_number() OVER (PARTITION BY camera_id ORDER BY position) = 2 ORDER BY 1
-- answer
camera_id,step
c1,9
c2,9
c3,9

-- query: FROM first, a star with a change
FROM detections SELECT * EXCLUDE (detection_id, attributes, bbox, partition, ingest_time) REPLACE (upper(item_name) AS item_name) LIMIT 1
-- answer
event_time,camera_id,location_id,item_name,confidence,track_id,frame_no,location_name,site,floor,opened,score,position,sub_position,ref_version,late
2026-11-22T10:00:00.000000Z,c1,north,CAR,0.3,a,0,"North gate, lane 2",Utrecht,-1,2024-10-04,0.0,1099511627786,0,1,false

-- query: a set operation
SELECT camera_id FROM detections EXCEPT SELECT 'c2' ORDER BY 1
-- answer
camera_id
c1
c3

-- query: a pivot by hand
SELECT camera_id, count(*) FILTER (item_name = 'car') AS cars, count(*) FILTER (item_name = 'bus') AS buses FROM detections GROUP BY camera_id ORDER BY camera_id
-- answer
camera_id,cars,buses
c1,2,2
c2,2,2
c3,2,2

-- query: a statement that writes
DELETE FROM detections
-- error
FRS-5001

-- query: two statements
SELECT 1; SELECT 2
-- error
FRS-5001

-- query: a file
SELECT * FROM read_csv('/etc/passwd')
-- error
FRS-5002

-- query: a file by its name alone
SELECT * FROM '/etc/passwd'
-- error
FRS-5012

-- query: a setting
SELECT current_setting('memory_limit')
-- error
FRS-5002

-- query: no such table
SELECT * FROM detection
-- error
FRS-5012

-- query: no such column
SELECT camera FROM detections
-- error
FRS-5003

-- query: a value that does not fit
SELECT CAST(camera_id AS INTEGER) FROM detections
-- error
FRS-5003

-- query: a type without a plain text
SELECT union_value(a := 1) AS u
-- error
FRS-5003
