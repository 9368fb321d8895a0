"""Drawing needs the extra `render` and, on Linux, the system's EGL or OSMesa."""

import os

import pytest

pytest.importorskip("vtkmodules", reason="drawing needs emotalk[render]")
# Mesa draws with one thread per core unless told; tests share their machine.
os.environ.setdefault("LP_NUM_THREADS", "2")


@pytest.fixture(scope="session", autouse=True)
def _opengl() -> None:
    from emotalk.render.stage import NoOpenGLError, open_window

    try:
        open_window()
    except NoOpenGLError as error:
        pytest.skip(str(error))
