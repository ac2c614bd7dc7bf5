"""Runs inside of PySpark: reads Iceberg tables by their metadata files and prints what is counted in each, as JSON.

    count.py ICEBERG_JAR NAME=METADATA_FILE...
"""
import json
import pathlib
import shutil
import sys
import tempfile

from pyspark.sql import SparkSession, functions

GROUPS = {"detections": ["camera_id", "item_name"], "detections_dead": ["camera_id", "reason"],
          "detections_dupes": ["camera_id"]}


def as_hadoop_table(metadata_file, folder):
    """A folder that Iceberg's Hadoop tables know: it names the metadata file, which names everything else."""
    metadata = pathlib.Path(folder) / "metadata"
    metadata.mkdir(parents=True)
    shutil.copy(metadata_file, metadata / "v1.metadata.json")
    (metadata / "version-hint.text").write_text("1")
    return f"file://{folder}"


def count(spark, table, groups):
    rows = spark.read.format("iceberg").load(table)
    counted = rows.groupBy(*groups).agg(functions.count("*").alias("n"), functions.sum("position").alias("positions"))
    return {
        # Every column of every row is read, so that a type that Spark does not take is seen.
        "texts": sum(len(str(row)) for row in rows.toLocalIterator()), "columns": len(rows.columns),
        "groups": sorted([*(str(row[column]) for column in groups), int(row["n"]), int(row["positions"])]
                         for row in counted.collect()),
        "snapshots": spark.read.format("iceberg").load(table + "#snapshots").count(),
        "files": spark.read.format("iceberg").load(table + "#files").count()}


def main():
    jar, *tables = sys.argv[1:]
    spark = (SparkSession.builder.master("local[2]").appName("freshet").config("spark.jars", jar)
             .config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
             .config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    counted = {}
    with tempfile.TemporaryDirectory() as folder:
        for one in tables:
            name, metadata_file = one.split("=", 1)
            counted[name] = count(spark, as_hadoop_table(metadata_file, f"{folder}/{name}"), GROUPS[name])
    print("COUNTED " + json.dumps(counted))


if __name__ == "__main__":
    main()
