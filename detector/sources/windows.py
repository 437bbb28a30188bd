"""Windows says when a volume or a card in a reader comes or goes: WM_DEVICECHANGE, sent to every top-level window.

Owns: a window that nobody sees, and its messages. Not here: which volumes are cards (`volumes`), which also looks
by itself now and then, so that nothing is lost where the system says nothing.

A window of its own and no other way: a card that goes into a reader that stays in is a change of media of a volume
that was there before. Windows tells only top-level windows of that (Win32, "Device Management": DBTF_MEDIA); a
message-only window or the configuration manager's notifications don't hear of it.
"""

from __future__ import annotations

import logging
import sys
from threading import Event, Thread

log = logging.getLogger("detector")

WM_DEVICECHANGE = 0x0219
STARTS_WITHIN_S = 5.0


def volume_events(changed: Event) -> bool:
    """From now on set `changed` at each change of the volumes, in a thread. False where the system doesn't say."""
    if sys.platform != "win32":
        return False
    listening, ended = Event(), Event()

    def listen() -> None:
        try:
            _serve_window(changed, listening)
        except OSError as refused:
            log.info("Volume events can't be had (%s); cards are looked for every two seconds.", refused)
        finally:
            ended.set()
            listening.set()

    Thread(target=listen, name="volume-events", daemon=True).start()
    return listening.wait(STARTS_WITHIN_S) and not ended.is_set()


def _serve_window(changed: Event, listening: Event) -> None:
    """Make the window, set `listening`, and serve its messages until the process ends. Raises OSError.

    All of it is inside: ctypes has these types on Windows alone.
    """
    if sys.platform != "win32":
        return
    import ctypes
    from ctypes import wintypes

    result = wintypes.LPARAM  # LRESULT: as wide as a pointer.
    procedure_type = ctypes.WINFUNCTYPE(result, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM)
    a_message = ctypes.POINTER(wintypes.MSG)

    class WindowClass(ctypes.Structure):
        """WNDCLASSW."""

        _fields_ = [
            ("style", wintypes.UINT),
            ("procedure", procedure_type),
            ("class_extra", ctypes.c_int),
            ("window_extra", ctypes.c_int),
            ("instance", wintypes.HINSTANCE),
            ("icon", wintypes.HANDLE),
            ("cursor", wintypes.HANDLE),
            ("background", wintypes.HANDLE),
            ("menu_name", wintypes.LPCWSTR),
            ("class_name", wintypes.LPCWSTR),
        ]

    # Every function with its types: what isn't said is an int to ctypes, too small for a handle.
    user32 = ctypes.WinDLL("user32", use_last_error=True)
    user32.DefWindowProcW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
    user32.DefWindowProcW.restype = result
    user32.RegisterClassW.argtypes = [ctypes.POINTER(WindowClass)]
    user32.RegisterClassW.restype = wintypes.ATOM
    user32.CreateWindowExW.argtypes = [
        *(wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        *(wintypes.HWND, wintypes.HMENU, wintypes.HINSTANCE, wintypes.LPVOID),
    ]
    user32.CreateWindowExW.restype = wintypes.HWND
    user32.GetMessageW.argtypes = [a_message, wintypes.HWND, wintypes.UINT, wintypes.UINT]
    user32.GetMessageW.restype = ctypes.c_int
    user32.DispatchMessageW.argtypes = [a_message]
    user32.DispatchMessageW.restype = result

    def heard(window: int, message: int, wparam: int, lparam: int) -> int:
        if message == WM_DEVICECHANGE:
            changed.set()
            return 1  # "Granted", should it be a question.
        return user32.DefWindowProcW(window, message, wparam, lparam)

    procedure = procedure_type(heard)  # Kept by this frame for as long as the window is there.
    name = f"StinercutVolumes{id(changed):x}"
    if not user32.RegisterClassW(ctypes.byref(WindowClass(procedure=procedure, class_name=name))):
        raise ctypes.WinError(ctypes.get_last_error())
    if not user32.CreateWindowExW(0, name, name, 0, 0, 0, 0, 0, None, None, None, None):
        raise ctypes.WinError(ctypes.get_last_error())
    listening.set()
    message = wintypes.MSG()
    while user32.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
        user32.DispatchMessageW(ctypes.byref(message))
