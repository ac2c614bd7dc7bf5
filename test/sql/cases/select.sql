-- query: all rows, over all chunks
SELECT count(*) AS n, min(position) AS first, max(position) AS last FROM detections
-- answer
n,first,last
24,1099511627786,1099511627855

-- query: order, limit, and null in CSV
SELECT camera_id, confidence, track_id FROM detections ORDER BY position LIMIT 9
-- answer
camera_id,confidence,track_id
c1,0.3,a
c2,0.325,a track with a long name
c3,0.35,7
c1,0.375,""
c2,0.4,a
c3,,a track with a long name
c1,0.45,7
c2,0.475,
c3,0.5,a

-- query: a filter on text
SELECT count(*) AS n FROM detections WHERE item_name = 'car' AND camera_id IN ('c1', 'c3')
-- answer
n
4

-- query: nulls of joined columns
SELECT location_id, location_name, count(*) AS n FROM detections GROUP BY ALL ORDER BY ALL
-- answer
location_id,location_name,n
north,"North gate, lane 2",8
nowhere,,8
south,"South ""old"" gate",8

-- query: an id as text and back
SELECT detection_id, position FROM detections WHERE detection_id = '01900000-0000-7003-8000-000000000003'
-- answer
detection_id,position
01900000-0000-7003-8000-000000000003,1099511627795

-- query: ids sort as their text does
SELECT bool_and(a.detection_id::VARCHAR < b.detection_id::VARCHAR) AS same FROM detections a JOIN detections b ON a.detection_id < b.detection_id
-- answer
same
true

-- query: quotes and commas in values
SELECT DISTINCT location_name FROM detections WHERE location_name IS NOT NULL ORDER BY 1
-- answer
location_name
"North gate, lane 2"
"South ""old"" gate"

-- query: small types
SELECT DISTINCT floor, opened FROM detections ORDER BY floor
-- answer
floor,opened
-1,2024-10-04
0,2024-10-05
1,2024-10-06

-- query: the latest row of each camera
SELECT camera_id, max_by(item_name, event_time) AS item, max(event_time) AS at FROM detections GROUP BY camera_id ORDER BY camera_id
-- answer
camera_id,item,at
c1,person,2026-11-22T10:00:42.000000Z
c2,truck,2026-11-22T10:00:44.000000Z
c3,bus,2026-11-22T10:00:46.000000Z

-- query: no rows is the header alone
SELECT camera_id, late FROM detections WHERE false
-- answer
camera_id,late

-- query: JSON by path
SELECT attributes ->> '$.plate.text' AS plate, count(*) AS n FROM detections GROUP BY ALL ORDER BY ALL
-- answer
plate,n
AB 12,12
,12
