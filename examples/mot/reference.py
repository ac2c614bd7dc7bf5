#!/usr/bin/env python3
"""Writes cameras.csv and locations.csv, what is known of the seven cameras and their places.

    reference.py FOLDER

One location is left out on purpose, to see that its camera's rows are kept, with nulls.
"""
import csv
import pathlib
import sys

import mot

CAMERA_COLUMNS = ["camera_id", "location_id", "name", "heading_deg", "frame_w", "frame_h", "vendor", "model", "enabled"]
LOCATION_COLUMNS = ["location_id", "name", "lat", "lon", "zone", "site", "region", "kind", "timezone", "capacity"]


def camera_rows():
    for number, (camera_id, camera) in enumerate(sorted(mot.CAMERAS.items())):
        yield [camera_id, camera.location, camera.name, number * 45, camera.width, camera.height, "mot", "17", "true"]


def location_rows():
    for location_id, values in sorted(mot.LOCATIONS.items()):
        yield [location_id, *values]


def write(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns, rows in (("cameras.csv", CAMERA_COLUMNS, camera_rows()),
                                ("locations.csv", LOCATION_COLUMNS, location_rows())):
        with open(folder / name, "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1])
