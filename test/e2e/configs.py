"""Configurations and reference files of the tests."""
import csv
import pathlib

LIMITS = """
[limits]
memory = "1GiB"
disk = "8GiB"
"""

CAMERAS = [(f"cam-{number:02}", f"loc-{number % 6}") for number in range(24)]
LOCATIONS = [f"loc-{number}" for number in range(5)]  # loc-5 is known to its cameras alone


def write_csv(path, columns, rows):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_references(folder, tag="v0"):
    """Both tables; each text of a version carries its tag."""
    write_csv(pathlib.Path(folder) / "cameras.csv", ["camera_id", "location_id", "name", "vendor", "heading_deg"],
              [(camera, location, f"{camera} {tag}", tag, index) for index, (camera, location) in enumerate(CAMERAS)])
    write_csv(pathlib.Path(folder) / "locations.csv", ["location_id", "name", "lat", "lon", "zone", "site", "region"],
              [(location, f"{location} {tag}", 52.5, 13.25, "outdoor", f"site {tag}", "north") for location in LOCATIONS])


PIPELINE = """
[streams.detections]
partitions = {partitions}
keep = {{ time = "24h" }}

[reference.cameras]
from = "reference/cameras.csv"
key = "camera_id"

[reference.locations]
from = "reference/locations.csv"
key = "location_id"

[pipelines.detections]
from = "detections"
into = "detections"
dedup = {{ id = "detection_id", horizon = "24h" }}
join = [{{ table = "cameras", on = "camera_id", as = "cam", mode = "stamp" }},
        {{ table = "locations", on = "location_id", as = "loc", mode = "stamp" }}]
sql = '''
  SELECT detection_id, event_time, camera_id, location_id, track_id, item_name, confidence, bbox, frame_no,
         media_ref, attributes, id_text, cam.name AS camera_name, cam.vendor AS vendor,
         cam.heading_deg AS heading_deg, loc.name AS location_name, loc.site AS site
  FROM batch'''

[tables.detections]
keys = ["camera_id", "location_id"]
"""

LISTEN = """
[listen]
aws = "127.0.0.1:0"
http = "127.0.0.1:0"
"""


def standard(partitions=2, limits=LIMITS, more=""):
    """One stream into one joined table."""
    return limits + LISTEN + PIPELINE.format(partitions=partitions) + more
