"""The edit of `render.py` in MoviePy. Runs with the Python that MoviePy is installed in; reads the edit as JSON.

PYTHON bench/render_moviepy.py EDIT.json TARGET.mp4
"""

import json
import sys
from pathlib import Path

import numpy as np
from moviepy import CompositeVideoClip, ImageClip, VideoClip, VideoFileClip, concatenate_videoclips, vfx
from PIL import Image


def card(said, edit):
    """A background that drifts, layers that fade in (some rising), all of it from black and to black again."""
    width, height, length = edit["width"], edit["height"], edit["card_seconds"]
    background = np.asarray(Image.open(said["background"]).convert("RGB"))
    spare = background.shape[1] - width

    def frame(at):
        x = min(spare, int(at * round(said["speed"] * height)))
        x = spare - x if said["move"] == "drift-right" else x
        return background[:, x : x + width]

    layers = [VideoClip(frame, duration=length), *(layer(one, edit) for one in said["layers"])]
    whole = CompositeVideoClip(layers, size=(width, height)).with_duration(length)
    return whole.with_effects([vfx.FadeIn(edit["fade_seconds"]), vfx.FadeOut(edit["fade_seconds"])])


def layer(said, edit):
    """A picture that comes to its place."""
    picture = ImageClip(said["file"])
    if "at" not in said:
        return picture.with_duration(edit["card_seconds"]).with_position((said["x"], said["y"]))
    way = 0.05 * edit["height"] if said["rises"] else 0

    def place(at):
        return said["x"], said["y"] + way * (1 - min(1, at / said["lasting"])) ** 3

    picture = picture.with_duration(edit["card_seconds"] - said["at"]).with_start(said["at"]).with_position(place)
    return picture.with_effects([vfx.CrossFadeIn(said["lasting"])])


def clip(path, edit):
    """A clip fitted into the film, the watermark on it."""
    width, height = edit["width"], edit["height"]
    footage = VideoFileClip(path)
    scale = min(width / footage.w, height / footage.h)
    footage = footage.resized((round(footage.w * scale / 2) * 2, round(footage.h * scale / 2) * 2))
    layers = [footage.with_position("center")]
    if edit["mark"]:
        layers.append(ImageClip(edit["mark"], duration=footage.duration).with_position(tuple(edit["place"])))
    return CompositeVideoClip(layers, size=(width, height)).with_duration(footage.duration)


def main():
    """The whole film, encoded as `render.py` says."""
    edit = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    parts = [card(edit["title"], edit), *(clip(path, edit) for path in edit["clips"]), card(edit["outro"], edit)]
    concatenate_videoclips(parts).write_videofile(
        sys.argv[2],
        fps=edit["fps"],
        codec="libx264",
        preset=edit["preset"],
        audio_codec="aac",
        audio_bitrate="192k",
        ffmpeg_params=["-crf", str(edit["crf"]), "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
        logger=None,
    )


if __name__ == "__main__":
    main()
