"""The page that plays a voice over the animated head: `Take`, `write_page`."""

from emotalk.player.page import MAX_PAGE_S, Take, page, write_page

__all__ = ["MAX_PAGE_S", "Take", "page", "write_page"]
