#!/usr/bin/env python3
"""Writes a small folder in the format of MOTChallenge ground truth, made up from a seed: the same cameras, boxes that
drift and reach outside the picture. For trying the example without the data.

    make_sample.py FOLDER [--frames 60] [--tracks 8] [--seed 1]
"""
import argparse
import pathlib
import random

import mot


def sample_rows(camera, frames, tracks, chance):
    for track in range(1, tracks + 1):
        item_class = chance.choice(sorted(mot.CLASSES))
        x, y = chance.uniform(-0.2, 1.1) * camera.width, chance.uniform(-0.2, 1.1) * camera.height
        w, h = chance.randint(8, camera.width // 3), chance.randint(8, camera.height // 2)
        for frame in range(1, frames + 1):
            x, y = x + chance.uniform(-4, 6), y + chance.uniform(-3, 3)
            visibility = chance.choice(["0", "1", f"{chance.random():.5g}"])
            yield f"{frame},{track},{round(x)},{round(y)},{w},{h},{chance.randint(0, 1)},{item_class},{visibility}"


def write(folder, frames=60, tracks=8, seed=1):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for camera_id, camera in mot.CAMERAS.items():
        rows = sample_rows(camera, frames, tracks, random.Random(f"{seed}:{camera_id}"))
        (folder / f"{camera_id}.gt.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--tracks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write(options.folder, options.frames, options.tracks, options.seed)


if __name__ == "__main__":
    main()
