-- query: whole numbers keep all their digits
SELECT 9223372036854775807 AS a, 18446744073709551615::UBIGINT AS b, -170141183460469231731687303715884105727::HUGEINT AS c, 340282366920938463463374607431768211455::UHUGEINT AS d, (-128)::TINYINT AS e, 255::UTINYINT AS f
-- answer
a,b,c,d,e,f
9223372036854775807,18446744073709551615,-170141183460469231731687303715884105727,340282366920938463463374607431768211455,-128,255

-- query: decimals keep their scale
SELECT 1.50 AS a, -0.05 AS b, 0::DECIMAL(4, 2) AS c, 12345678901234567890.123456789::DECIMAL(38, 9) AS d, -1.5::DECIMAL(4, 1) AS e
-- answer
a,b,c,d,e
1.50,-0.05,0.00,12345678901234567890.123456789,-1.5

-- query: floating point is the shortest that reads back
SELECT 0.1::DOUBLE AS a, 1::DOUBLE AS b, 1e300 AS c, 0.1::FLOAT AS d, 'nan'::DOUBLE AS e, '-inf'::DOUBLE AS f, -0.0::DOUBLE AS g
-- answer
a,b,c,d,e,f,g
0.1,1.0,1e+300,0.1,NaN,-Infinity,-0.0

-- query: times of every kind
SELECT DATE '1969-12-31' AS a, TIME '10:11:12.5' AS b, TIMESTAMP '2026-11-22 10:00:00' AS c, TIMESTAMP_S '2026-11-22 10:00:00' AS d, TIMESTAMP_MS '2026-11-22 10:00:00.123' AS e, TIMESTAMP_NS '2026-11-22 10:00:00.123456789' AS f, TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' AS g, 'infinity'::TIMESTAMPTZ AS h, '-infinity'::DATE AS i, TIMETZ '10:00:00+01:30' AS j
-- answer
a,b,c,d,e,f,g,h,i,j
1969-12-31,10:11:12.500000,2026-11-22T10:00:00.000000,2026-11-22T10:00:00.000000,2026-11-22T10:00:00.123000,2026-11-22T10:00:00.123456789,1969-12-31T23:59:59.999999Z,infinity,-infinity,10:00:00.000000+01:30

-- query: durations are ISO 8601
SELECT INTERVAL '1 month 2 days' AS a, INTERVAL '-1.5 seconds' AS b, INTERVAL '0 seconds' AS c, INTERVAL '3 hours' AS d
-- answer
a,b,c,d
P1M2D,PT-1.500000S,PT0S,PT10800S

-- query: texts
SELECT '' AS a, NULL AS b, 'a,b' AS c, 'a "quoted" word' AS d, E'two\nlines' AS e, 'é' AS f
-- answer
a,b,c,d,e,f
"",,"a,b","a ""quoted"" word","two
lines",é

-- query: nested values are JSON
SELECT [1, NULL, 3] AS a, {'x': 1, 'y': 'z"'} AS b, MAP {'k': [1.5]} AS c, MAP {1: 'a'} AS d, [[], [1]] AS e, [1, 2]::INTEGER[2] AS f, [DATE '2026-01-01'] AS g, [true, false] AS h
-- answer
a,b,c,d,e,f,g,h
"[1,null,3]","{""x"":1,""y"":""z\""""}","{""k"":[1.5]}","[[1,""a""]]","[[],[1]]","[1,2]","[""2026-01-01""]","[true,false]"

-- query: bytes, bits, enums, ids, JSON
SELECT '\x00\xff'::BLOB AS a, '0101'::BIT AS b, 'b'::ENUM('a', 'b') AS c, '00000000-0000-0000-0000-000000000001'::UUID AS d, '{"a": [1]}'::JSON AS e, [to_json('x')] AS f
-- answer
a,b,c,d,e,f
AP8=,0101,b,00000000-0000-0000-0000-000000000001,"{""a"": [1]}","[""x""]"

-- query: two columns of one name
SELECT 1 AS a, 2 AS a
-- answer
a,a_1
1,2
