"""Windows' volume events: WM_DEVICECHANGE, which Windows sends to every top-level window when a card comes or goes.

Owns: a window that nobody sees, and its messages. Not here: which volumes are cards (`volumes`); that module also looks
now and then, so that nothing is lost where Windows sends no event.

It takes a window because the reader stays plugged in: a card put into it is only a change of media on a volume that
was there before. Windows tells only top-level windows about that (Win32, "Device Management": DBTF_MEDIA), not
message-only windows, and not listeners to the configuration manager.
"""

from __future__ import annotations

import logging
import sys
from threading import Event, Thread

log = logging.getLogger("detector")

WM_DEVICECHANGE = 0x0219
STARTS_WITHIN_S = 5.0


def volume_events(changed: Event) -> bool:
    """From now on set `changed` at each change of the volumes, in a thread. False where there are no such events."""
    if sys.platform != "win32":
        return False
    listening, ended = Event(), Event()

    def listen() -> None:
        try:
            _serve_window(changed, listening)
        except OSError as refused:
            log.info("Windows sends no volume events (%s); looking for cards every two seconds instead.", refused)
        finally:
            ended.set()
            listening.set()

    Thread(target=listen, name="volume-events", daemon=True).start()
    return listening.wait(STARTS_WITHIN_S) and not ended.is_set()


def _serve_window(changed: Event, listening: Event) -> None:
    """Make the window, set `listening`, and serve its messages until the process ends. Raises OSError.

    Imports and types are inside this function because ctypes has these types only on Windows.
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

    # Give every function its types: ctypes takes any other argument for an int, which is too small for a handle.
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
            return 1  # "Granted", in case Windows asks for permission.
        return user32.DefWindowProcW(window, message, wparam, lparam)

    procedure = procedure_type(heard)  # This name keeps the callback alive as long as the window exists.
    name = f"StinercutVolumes{id(changed):x}"
    if not user32.RegisterClassW(ctypes.byref(WindowClass(procedure=procedure, class_name=name))):
        raise ctypes.WinError(ctypes.get_last_error())
    if not user32.CreateWindowExW(0, name, name, 0, 0, 0, 0, 0, None, None, None, None):
        raise ctypes.WinError(ctypes.get_last_error())
    listening.set()
    message = wintypes.MSG()
    while user32.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
        user32.DispatchMessageW(ctypes.byref(message))
