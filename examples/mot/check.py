#!/usr/bin/env python3
"""Checks every row that Freshet made of what publish.py sent, over POST /v1/sql.

    check.py FOLDER MANIFEST --http http://127.0.0.1:8080

Checks that there is exactly one row for each line of ground truth, each column of it, the joined ones included; that
every retry stands in $dupes and every malformed event in $dead under its reason; that the ledger balances and agrees.
"""
import argparse
import collections
import json
import math
import sys
import urllib.error
import urllib.request

import mot

TABLE_SQL = """
SELECT detection_id::VARCHAR AS detection_id, camera_id, location_id, track_id, item_name, confidence,
       bbox.x AS x, bbox.y AS y, bbox.w AS w, bbox.h AS h, frame_no, epoch_us(event_time) AS event_time_us,
       json_extract_string(attributes, '$.consider') AS consider, media_ref, camera_name, heading_deg, frame_w, frame_h,
       location_name, lat, lon, zone, site, region, capacity, ref_version, late
FROM detections"""


class Checker:
    def __init__(self, http):
        self.http = http
        self.faults = []

    def rows(self, sql):
        request = urllib.request.Request(
            f"{self.http}/v1/sql", data=json.dumps({"sql": sql}).encode(), method="POST",
            headers={"Content-Type": "application/json", "Accept": "application/x-ndjson"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return [json.loads(line) for line in answer if line.strip()]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{sql}\nanswers {error.code}: {error.read().decode(errors='replace')}") from error

    def expect(self, what, found, wanted):
        if found != wanted:
            self.faults.append(f"{what}: expected {wanted}, found {found}")

    def expect_between(self, what, found, least, most):
        if not least <= found <= most:
            self.faults.append(f"{what}: expected {least}" + (f" to {most}" if most != least else "") + f", found {found}")


def expected_rows(files, start):
    """Id to every column, as it must stand in the table."""
    numbers = {camera_id: number for number, camera_id in enumerate(sorted(mot.CAMERAS))}
    for camera_id, file in files.items():
        camera = mot.CAMERAS[camera_id]
        known = mot.LOCATIONS.get(camera.location, (None,) * 9)
        name, lat, lon, zone, site, region, _, _, capacity = known
        for row in mot.read_rows(file):
            event = mot.event(camera_id, row, start)
            x, y, w, h = event.get("bbox", (None,) * 4)
            yield event["detection_id"], {
                "camera_id": camera_id, "location_id": camera.location, "track_id": row.track,
                "item_name": event["item_name"], "confidence": event["confidence"], "x": x, "y": y, "w": w, "h": h,
                "frame_no": event["frame_no"], "event_time_us": mot.event_time_us(row, camera, start),
                "consider": row.consider, "media_ref": None,
                "camera_name": camera.name, "heading_deg": numbers[camera_id] * 45, "frame_w": camera.width,
                "frame_h": camera.height, "location_name": name, "lat": lat, "lon": lon, "zone": zone, "site": site,
                "region": region, "capacity": capacity, "late": False}


# A box is stored as four numbers of 16 bits, a confidence in steps of 1/10,000.
TOLERANCE = {"x": 1 / 131_070 + 1e-9, "y": 1 / 131_070 + 1e-9, "w": 1 / 131_070 + 1e-9, "h": 1 / 131_070 + 1e-9,
             "confidence": 0.5e-4 + 1e-9, "lat": 1e-9, "lon": 1e-9}


def same(column, found, wanted):
    if wanted is None or found is None:
        return found is None and wanted is None
    if column in TOLERANCE:
        return math.isclose(found, wanted, rel_tol=0, abs_tol=TOLERANCE[column])
    # 64-bit numbers may come as text, so that no client rounds them.
    return found == wanted or (isinstance(wanted, int) and not isinstance(wanted, bool) and str(found) == str(wanted))


def check_rows(checker, files, start):
    found = {}
    rows = checker.rows(TABLE_SQL)
    for row in rows:
        if row["detection_id"] in found:
            checker.faults.append(f"{row['detection_id']} has two rows")
        found[row["detection_id"]] = row
    wanted_count = 0
    by_camera_and_class = collections.Counter()
    for event_id, wanted in expected_rows(files, start):
        wanted_count += 1
        by_camera_and_class[wanted["camera_id"], wanted["item_name"]] += 1
        row = found.pop(event_id, None)
        if row is None:
            checker.faults.append(f"{event_id} ({wanted['camera_id']} frame {wanted['frame_no']}) has no row")
            continue
        for column, value in wanted.items():
            if not same(column, row[column], value):
                checker.faults.append(f"{event_id} {column}: expected {value!r}, found {row[column]!r}")
        if not int(row["ref_version"]) > 0:
            checker.faults.append(f"{event_id}: no reference version stands on it")
    for event_id in found:
        checker.faults.append(f"{event_id} has a row and was never sent")
    checker.expect("rows", len(rows), wanted_count)
    counted = {(row["camera_id"], row["item_name"]): int(row["n"]) for row in checker.rows(
        "SELECT camera_id, item_name, count(*) AS n FROM detections GROUP BY ALL")}
    checker.expect("rows per camera and class", counted, dict(by_camera_and_class))
    return wanted_count


def check_dupes(checker, manifest):
    """Each id sent again is in $dupes once for each time after the first."""
    found = {row["detection_id"]: int(row["n"]) for row in checker.rows(
        'SELECT lower(detection_id::VARCHAR) AS detection_id, count(*) AS n FROM "detections$dupes" GROUP BY ALL')}
    wanted = {}
    for camera in manifest["cameras"].values():
        wanted.update(camera["again"])
    for event_id, (acknowledged, unknown) in wanted.items():
        checker.expect_between(f"{event_id} in $dupes", found.pop(event_id, 0), acknowledged - 1,
                               acknowledged + unknown - 1)
    for event_id, count in found.items():
        checker.faults.append(f"{event_id} is in $dupes {count} times and was sent once")
    wrong = checker.rows('SELECT count(*) AS n FROM "detections$dupes" AS again ANTI JOIN detections AS first '
                         "ON again.detection_id::VARCHAR = first.detection_id::VARCHAR "
                         "AND again.first_position = first.position")
    checker.expect("retries whose first position is not their row's", int(wrong[0]["n"]), 0)


def check_dead(checker, manifest):
    """Each malformed event is in $dead, its bytes whole, under its reason, with id and camera where they could be read."""
    found = collections.defaultdict(list)
    for row in checker.rows('SELECT sha256(raw) AS sha256, reason, detail, octet_length(raw) AS bytes, '
                            'detection_id, camera_id, attempts FROM "detections$dead"'):
        found[row["sha256"]].append(row)
    kinds = collections.Counter()
    for camera_id, camera in manifest["cameras"].items():
        for wrong in camera["malformed"]:
            rows = found.pop(wrong["sha256"], [])
            what = f"{wrong['kind']} event of {camera_id}"
            kinds[wrong["kind"]] += 1
            checker.expect_between(f"{what} in $dead", len(rows), wrong["acknowledged"],
                                   wrong["acknowledged"] + wrong["unknown"])
            for row in rows:
                checker.expect(f"reason of a {what}", row["reason"], wrong["reason"])
                checker.expect(f"bytes of a {what}", int(row["bytes"]), wrong["bytes"])
                if not row["detail"]:
                    checker.faults.append(f"{what}: $dead gives no detail")
                if wrong["id"] and wrong["reason"] not in ("parse", "no_id"):
                    checker.expect(f"id of a {what}", (row["detection_id"] or "").lower(), wrong["id"])
                if wrong["kind"] not in ("cut", "not_utf8", "no_camera"):
                    checker.expect(f"camera of a {what}", row["camera_id"], camera_id)
    for rows in found.values():
        checker.faults.append(f"$dead holds an event that was not malformed: {rows[0]}")
    return kinds


def check_ledger(checker, manifest, wanted_rows):
    unbalanced = checker.rows('SELECT * FROM "detections$ledger" '
                              "WHERE received <> accepted + duplicate + late + refused + filtered + erased")
    for row in unbalanced:
        checker.faults.append(f"the ledger does not balance: {row}")
    total = {name: int(value or 0) for name, value in checker.rows(
        'SELECT sum(received) AS received, sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(late) AS late, '
        'sum(refused) AS refused, sum(filtered) AS filtered FROM "detections$ledger"')[0].items()}
    acknowledged = sum(camera["acknowledged"] for camera in manifest["cameras"].values())
    unknown = sum(camera["unknown"] for camera in manifest["cameras"].values())
    checker.expect("accepted", total["accepted"], wanted_rows)
    checker.expect("late", total["late"], 0)
    checker.expect("filtered", total["filtered"], 0)
    checker.expect_between("received", total["received"], acknowledged, acknowledged + unknown)
    for table, outcome in (("$dead", "refused"), ("$dupes", "duplicate")):
        rows = int(checker.rows(f'SELECT count(*) AS n FROM "detections{table}"')[0]["n"])
        checker.expect(f"{outcome} in the ledger, against rows in {table}", total[outcome], rows)
    by_camera = {row["camera_id"]: int(row["n"]) for row in checker.rows(
        'SELECT camera_id, sum(accepted) AS n FROM "detections$ledger" GROUP BY ALL HAVING sum(accepted) > 0')}
    checker.expect("accepted per camera", by_camera,
                   {camera_id: camera["rows"] for camera_id, camera in manifest["cameras"].items()})
    return total


def check(folder, manifest, http):
    """The faults found, and a line that says what was checked."""
    checker = Checker(http)
    files = mot.ground_truth_files(folder)
    rows = check_rows(checker, files, mot.parse_start(manifest["start"]))
    check_dupes(checker, manifest)
    kinds = check_dead(checker, manifest)
    total = check_ledger(checker, manifest, rows)
    return checker.faults, (f"{rows} rows, {total['duplicate']} retries, {total['refused']} refused events "
                            f"of {len(kinds)} kinds, {total['received']} records in the ledger")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("manifest")
    parser.add_argument("--http", default="http://127.0.0.1:8080")
    options = parser.parse_args()
    with open(options.manifest, encoding="utf-8") as text:
        manifest = json.load(text)
    faults, summary = check(options.folder, manifest, options.http)
    for fault in faults[:50]:
        print(fault)
    print(f"{summary}: " + (f"{len(faults)} FAULTS" if faults else "all as it must be"))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
