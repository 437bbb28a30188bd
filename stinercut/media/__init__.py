"""What is done to footage: probe it, take frames, draw titles, render segments, join them, check the film.

Lives here: everything that touches video, audio or pictures. Doesn't: who asks for it (`stinercut_assets`, the
command), where files lie (`stinercut.store`), what a film should look like (`stinercut.templates`). Only `ffmpeg`
starts programs.
"""
