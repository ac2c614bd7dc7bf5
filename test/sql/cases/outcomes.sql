-- query: what was refused, its bytes whole
SELECT * FROM "detections$dead"
-- answer
reason,detail,detection_id,camera_id,raw,position
parse,"not JSON, line 1:7",,,eyJpZCI6/wA=,1099511627787

-- query: a retry leads to the row of the first
SELECT d.camera_id, r.position, d.position AS first FROM detections$dupes r JOIN detections d ON d.position = r.first_position AND d.detection_id = r.detection_id::UUID
-- answer
camera_id,position,first
c1,1099511627796,1099511627795

-- query: the ledger
SELECT * FROM "detections$ledger"
-- answer
camera_id,minute,received,accepted,duplicate,late,refused,filtered,erased
c1,2026-11-22T10:01:00.000000Z,9,8,1,0,0,0,0
c2,2026-11-22T10:01:00.000000Z,8,8,0,0,0,0,0
c3,2026-11-22T10:01:00.000000Z,8,8,0,0,0,0,0
"",2026-11-22T10:02:00.000000Z,1,0,0,0,1,0,0

-- query: the ledger balances, and agrees with the tables
SELECT bool_and(received = accepted + duplicate + late + refused + filtered + erased) AS balances, sum(accepted) = (SELECT count(*) FROM detections) AS accepted, sum(refused) = (SELECT count(*) FROM "detections$dead") AS refused FROM detections$ledger
-- answer
balances,accepted,refused
true,true,true
