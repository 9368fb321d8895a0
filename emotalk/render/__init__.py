"""Pictures and films of a rig, drawn in software without a display. Needs the extra `render`."""

from emotalk.render.stills import contact_sheet, heat_map, save_png, still

__all__ = ["contact_sheet", "heat_map", "save_png", "still"]
