"""Events that must be refused, each kind with the reason that $dead has to give."""
import json

import mot


def _changed(event, **fields):
    changed = {**event, **fields}
    return {name: value for name, value in changed.items() if value is not None}


def _cut(event):
    return mot.to_bytes(event)[:-20]


def _not_utf8(event):
    return mot.to_bytes(event).replace(b'"item_name":"', b'"item_name":"\xff\xfe')


def _no_zone(event):
    return mot.to_bytes(_changed(event, event_time=event["event_time"].rstrip("Z")))


def _too_large(event):
    return mot.to_bytes(_changed(event, attributes={"note": "x" * 5000}))


# kind: (reason, event -> bytes)
KINDS = {
    "cut": ("parse", _cut),
    "not_utf8": ("parse", _not_utf8),
    "no_id": ("no_id", lambda event: mot.to_bytes(_changed(event, detection_id=None))),
    "no_camera": ("schema", lambda event: mot.to_bytes(_changed(event, camera_id=None))),
    "no_item": ("schema", lambda event: mot.to_bytes(_changed(event, item_name=None))),
    "wrong_type": ("schema", lambda event: mot.to_bytes(_changed(event, confidence="high"))),
    "out_of_range": ("schema", lambda event: mot.to_bytes(_changed(event, confidence=1.5))),
    "bad_time": ("bad_time", lambda event: mot.to_bytes(_changed(event, event_time="half past ten"))),
    "no_zone": ("no_zone", _no_zone),
    "future": ("future", lambda event: mot.to_bytes(_changed(event, event_time="2999-01-01T00:00:00Z"))),
    "too_large": ("too_large", _too_large),
    # The id of an event that was accepted, with other content. Sent only after the first is acknowledged.
    "conflict": ("conflict", lambda event: mot.to_bytes(_changed(event, item_name="something else"))),
}


def make(kind, camera_id, event, number):
    """Bytes of a malformed event, different from every other: (reason, id or None, bytes)."""
    reason, write = KINDS[kind]
    changed = dict(event)
    if kind != "conflict":
        changed["detection_id"] = mot.derived_id("mot", camera_id, "malformed", str(number))
    changed["attributes"] = {**event["attributes"], "malformed": number}
    text = write(changed)
    try:
        written = json.loads(text).get("detection_id")
    except ValueError:
        written = None
    return reason, written, text
