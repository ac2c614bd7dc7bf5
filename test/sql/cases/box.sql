-- query: fractions and fields
SELECT bbox.x AS x, bbox.w AS w, bbox.h AS h FROM detections WHERE position = 1099511627779 + 10
-- answer
x,w,h
0.015259021896696421,0.2,1.0

-- query: fields of a missing box are null
SELECT bbox, bbox.x AS x FROM detections WHERE bbox IS NULL LIMIT 1
-- answer
bbox,x
,

-- query: an area, only where there is a box
SELECT count(bbox.w * bbox.h) AS n, round(avg(bbox.w * bbox.h), 4) AS area FROM detections
-- answer
n,area
18,0.2
