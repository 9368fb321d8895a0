"""The page that plays a voice over the animated head: `Take`, `write_page`."""

from emotalk.player.page import Take, page, write_page

__all__ = ["Take", "page", "write_page"]
