#!/bin/bash
# Spark with Iceberg's runtime reads an archive of the seven cameras and counts as Freshet does. Needs a JDK 17, Maven
# and its repository, and PyPI (600 MB are kept below build/); not part of ./check.
#
#   test/e2e/run_spark.sh [FOLDER]    the ground truth; else FRESHET_MOT_DIR, else made-up data
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
spark=3.5.8 iceberg=1.10.1 runtime=iceberg-spark-runtime-3.5_2.12
kept="$root/build/spark"
jar="$kept/$runtime-$iceberg.jar"
mkdir -p "$kept"
[ -x "$kept/python/bin/python" ] || python3 -m venv "$kept/python"
"$kept/python/bin/python" -c 'import pyspark' 2>/dev/null || "$kept/python/bin/python" -m pip install -q "pyspark==$spark"
[ -f "$jar" ] ||
  mvn -q -B dependency:copy -Dartifact="org.apache.iceberg:$runtime:$iceberg" -DoutputDirectory="$kept"

folder="${1:-${FRESHET_MOT_DIR:-}}"
if [ -z "$folder" ]; then
  folder="$kept/sample"
  echo "FRESHET_MOT_DIR is not set: NOT tried on real detections, only on made-up ones"
  "$root/third_party/python/bin/python" "$root/examples/mot/make_sample.py" "$folder" --frames 120 --tracks 12
fi
exec "$root/third_party/python/bin/python" "$root/test/e2e/spark/compare.py" "$folder" -- \
  "$kept/python/bin/python" "$root/test/e2e/spark/count.py" "$jar"
