"""MOTChallenge ground truth as Freshet events: reading the files, deriving ids, converting boxes.

Row format (MOTChallenge devkit): frame, track, left, top, width, height, consider, class, visibility. Boxes are in
pixels, counted from 1, and may reach outside the picture. A row has no id of its own; (camera, frame, track) is
unique, so the id is derived from it: the first 16 bytes of SHA-256 over the adapter's name, the camera, the frame and
the track, each as it stands in the file, joined by the byte 0x1F.
"""
import datetime
import hashlib
import json
import pathlib
import uuid
from typing import NamedTuple

CLASSES = {
    "1": "pedestrian", "2": "person on vehicle", "3": "car", "4": "bicycle", "5": "motorbike",
    "6": "non motorised vehicle", "7": "static person", "8": "distractor", "9": "occluder",
    "10": "occluder on the ground", "11": "occluder full", "12": "reflection",
}


class Camera(NamedTuple):
    """What seqinfo.ini says of a sequence, and where we pretend that it hangs."""
    fps: int
    width: int
    height: int
    location: str
    name: str


CAMERAS = {
    "MOT17-02": Camera(30, 1920, 1080, "square", "Square, south"),
    "MOT17-04": Camera(30, 1920, 1080, "night-street", "Night street"),
    "MOT17-05": Camera(14, 640, 480, "sidewalk", "Sidewalk, moving"),
    "MOT17-09": Camera(30, 1920, 1080, "mall-door", "Mall door"),
    "MOT17-10": Camera(30, 1920, 1080, "old-town", "Old town, moving"),
    "MOT17-11": Camera(30, 1920, 1080, "mall", "Mall, moving"),
    "MOT17-13": Camera(25, 1920, 1080, "junction", "Junction from a bus"),
}

# Left out of locations.csv on purpose: its events keep their rows, with nulls in the joined columns.
UNKNOWN_LOCATION = "junction"

# location: name, lat, lon, zone, site, region, kind, timezone, capacity
LOCATIONS = {
    "square": ("Market square", 47.3769, 8.5417, "outdoor", "centre", "north", "lane", "Europe/Zurich", 900),
    "night-street": ("Night street", 47.3775, 8.5402, "outdoor", "centre", "north", "lane", "Europe/Zurich", 1200),
    "sidewalk": ("Sidewalk, east", 47.3790, 8.5390, "outdoor", "university", "north", "lane", "Europe/Zurich", 80),
    "mall-door": ("Mall, main door", 47.4102, 8.5440, "indoor", "mall", "south", "entrance", "Europe/Zurich", 300),
    "old-town": ("Old town lane", 47.3712, 8.5430, "outdoor", "centre", "north", "lane", "Europe/Zurich", 200),
    "mall": ("Mall, first floor", 47.4103, 8.5441, "indoor", "mall", "south", "shelf", "Europe/Zurich", 2500),
}


class Row(NamedTuple):
    """A line of ground truth, its fields as they stand in the file."""
    frame: str
    track: str
    left: str
    top: str
    width: str
    height: str
    consider: str
    item_class: str
    visibility: str


def ground_truth_files(folder):
    """Camera name to file, in order of name: FOLDER/NAME.gt.txt or FOLDER/NAME/gt/gt.txt."""
    folder = pathlib.Path(folder)
    files = {path.name[: -len(".gt.txt")]: path for path in folder.glob("*.gt.txt")}
    files.update({path.parent.parent.name: path for path in folder.glob("*/gt/gt.txt")})
    unknown = sorted(set(files) - set(CAMERAS))
    if unknown:
        raise SystemExit(f"{folder}: no frame rate and size is known for {', '.join(unknown)}; add it to CAMERAS in mot.py")
    if not files:
        raise SystemExit(f"{folder}: holds no NAME.gt.txt and no NAME/gt/gt.txt")
    return dict(sorted(files.items()))


def read_rows(file):
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.strip().split(",")
            if len(fields) != len(Row._fields):
                raise SystemExit(f"{file}:{number}: expected {len(Row._fields)} fields, found {len(fields)}")
            yield Row(*fields)


def derived_id(*parts):
    """A UUID from an adapter's parts, e.g. derived_id("mot", camera, frame, track)."""
    return str(uuid.UUID(bytes=hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]))


def box(row, camera):
    """[x, y, w, h] as fractions of the picture with the origin top left, or None where nothing of it is inside."""
    left, top = float(row.left) - 1, float(row.top) - 1
    right, bottom = left + float(row.width), top + float(row.height)

    def clip(value):
        return min(max(value, 0.0), 1.0)

    x, y = clip(left / camera.width), clip(top / camera.height)
    w, h = clip(right / camera.width) - x, clip(bottom / camera.height) - y
    rounded = [round(value, 6) for value in (x, y, w, h)]
    return rounded if rounded[2] > 0 and rounded[3] > 0 else None


def parse_start(text):
    start = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if start.tzinfo is None:
        raise SystemExit(f"--start {text}: say the zone, e.g. 2024-05-01T08:00:00Z")
    return start


def event_time_us(row, camera, start):
    """Microseconds since 1970: the start plus (frame - 1) / frames per second."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    begin = (start - epoch) // datetime.timedelta(microseconds=1)
    return begin + round((int(row.frame) - 1) * 1_000_000 / camera.fps)


def rfc3339(us):
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(camera_id, row, start):
    """The event of one line, as a dictionary ready for JSON."""
    camera = CAMERAS[camera_id]
    made = {
        "detection_id": derived_id("mot", camera_id, row.frame, row.track),
        "camera_id": camera_id,
        "item_name": CLASSES[row.item_class],
        "confidence": float(row.visibility),
        "event_time": rfc3339(event_time_us(row, camera, start)),
        "track_id": row.track,
        "frame_no": int(row.frame),
        "attributes": {"consider": int(row.consider)},
    }
    bbox = box(row, camera)
    if bbox is not None:
        made["bbox"] = bbox
    return made


def to_bytes(made):
    return json.dumps(made, separators=(",", ":")).encode()
