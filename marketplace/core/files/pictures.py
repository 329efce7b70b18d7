"""Pictures: opened within bounds, turned the right way up, written anew from their pixels alone.

What the camera wrote beside the picture (place, time, device, thumbnail, comments) is not copied, so it cannot stay.
"""

import io
import struct
from typing import Any, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from marketplace.core.files.kinds import CleanFile, FileRefused, Kind, Limits, damaged

PLACE_REMOVED: Final = "The place where the picture was taken"
HIDDEN_REMOVED: Final = "What the camera or program wrote into the picture"
FIRST_ONLY: Final = "Moving pictures: only the first one is kept"

_GPS_TAG: Final = 0x8825
_LONGEST_SIDE: Final = 20_000
_QUALITIES: Final = (88, 75)
"""Writing on a photographed certificate stays sharp at the first; the second is for one that would grow too large."""


def clean_picture(name: str, content: bytes, decoder: str, limits: Limits) -> CleanFile:
    """Open a picture and write it anew. GIF and BMP become PNG. The name is returned as given.

    Args:
        name: Not looked at.
        content: The file.
        decoder: The one decoder that may open it, by its first bytes: "JPEG", "PNG", "WEBP", "GIF" or "BMP".
        limits: How large it may be.

    Raises:
        FileRefused: Too large, or it cannot be read to its end.
    """
    # Phones write several pictures into one JPEG and such a file has a decoder of its own.
    decoders = ["JPEG", "MPO"] if decoder == "JPEG" else [decoder]
    try:
        with Image.open(io.BytesIO(content), formats=decoders) as picture:
            _refuse_large(picture.size, limits)
            changes = _hidden(picture)
            if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
                changes.append(FIRST_ONLY)
                picture.seek(0)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            kind, kept = _written(_square(upright, limits.square_pixels), decoder, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(limits) from error
    except MemoryError as error:
        raise _too_many_pixels(limits) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError) as error:
        raise damaged("picture") from error
    except (KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        # Decoders written over thirty years answer broken headers with any of these.
        raise damaged("picture") from error
    if len(kept) > limits.size:
        raise FileRefused("size", "The picture is too large. Save it as a smaller JPG, or take the photograph again")
    return CleanFile(name=name, media_type=kind, content=kept, changes=tuple(changes))


def _refuse_large(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise damaged("picture")
    if width * height > limits.megapixels * 1_000_000 or max(size) > _LONGEST_SIDE:
        raise _too_many_pixels(limits)


def _too_many_pixels(limits: Limits) -> FileRefused:
    return FileRefused(
        "pixels",
        f"The picture has more than {limits.megapixels} megapixels. Save it smaller, or take it at the normal setting",
    )


def _hidden(picture: Image.Image) -> list[str]:
    """Say what the new copy will not have."""
    exif = picture.getexif()
    found = []
    if _GPS_TAG in exif:
        found.append(PLACE_REMOVED)
    extra = {"exif", "comment", "xmp", "XML:com.adobe.xmp", "photoshop", "icc_profile", "Comment", "parsed_exif"}
    texts = getattr(picture, "text", None) if picture.format == "PNG" else None
    if len(exif) > 0 or texts or any(picture.info.get(name) for name in extra) or picture.format == "MPO":
        found.append(HIDDEN_REMOVED)
    return found


def _square(picture: Image.Image, most_pixels: int) -> Image.Image:
    """Cut a picture square around its middle, a little above it where faces are; 0 leaves it as it is."""
    if not most_pixels:
        return picture
    side = min(most_pixels, *picture.size)
    plain = picture if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA")
    return ImageOps.fit(plain, (side, side), Image.Resampling.LANCZOS, centering=(0.5, 0.4))


def _written(picture: Image.Image, decoder: str, limits: Limits) -> tuple[Kind, bytes]:
    """Copy the pixels into a new file: JPEG stays JPEG, WebP stays WebP, everything else becomes PNG."""
    picture = _in_plain_colours(picture, decoder)
    # A new picture takes the pixels: what hangs on the old one (profile, comment, text) stays behind.
    plain = Image.new(picture.mode, picture.size)
    if picture.mode == "P":
        plain.putpalette(picture.getpalette() or [])
    plain.paste(picture)
    if decoder not in ("JPEG", "WEBP"):
        return Kind.PNG, _saved(plain, "PNG")
    kept = b""
    for quality in _QUALITIES:
        options = {"optimize": True} if decoder == "JPEG" else {"method": 2}
        kept = _saved(plain, decoder, quality=quality, **options)
        if len(kept) <= limits.size:
            break
    return Kind.JPEG if decoder == "JPEG" else Kind.WEBP, kept


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _in_plain_colours(picture: Image.Image, decoder: str) -> Image.Image:
    if picture.mode in ("L", "RGB") or (picture.mode == "1" and decoder == "PNG"):
        return picture
    if picture.mode == "P" and decoder == "PNG" and "transparency" not in picture.info:
        return picture
    if decoder == "JPEG":
        return picture.convert("RGB")
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    if picture.mode.startswith(("I", "F")):
        # Sixteen bits a pixel (scanners): the upper eight are what a screen shows.
        return picture.point(lambda value: value / 256).convert("L") if picture.mode != "F" else picture.convert("L")
    return picture.convert("RGBA" if has_alpha else "RGB")
