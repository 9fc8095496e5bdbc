"""The texts and split lists that come with a dataset."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motiongen.motion import MotionError
from motiongen_data_prep import layout
from motiongen_data_prep.field import named


def read_list(path: Path) -> list[str]:
    """The names of a split list, in its order."""
    try:
        return [named(line, str(path)) for line in path.read_text(encoding="utf-8").split()]
    except OSError as error:
        raise MotionError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None


class Texts:
    """The texts of a dataset, out of texts.zip or its unpacked folder, with their lines as they are.

    Raises:
        MotionError: neither is there, or the archive is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, archive = folder / "texts", folder / "texts.zip"
        self.files: list[Path] = []
        self._members: dict[str, str] = {}
        if self.folder.is_dir():
            return
        try:
            self._archive = zipfile.ZipFile(archive)
        except FileNotFoundError:
            raise MotionError(f"{archive}: no such file; it comes with the dataset, or unpack it as texts/") from None
        except (zipfile.BadZipFile, OSError) as error:
            raise MotionError(f"{archive}: cannot be read ({error}); download it again") from None
        self.files.append(archive)
        # Archives made on a Mac hold a second, hidden file for every file.
        members = [name for name in self._archive.namelist() if "__MACOSX" not in name]
        self._members = {Path(name).stem: name for name in members if name.endswith(".txt")}

    def read(self, name: str) -> bytes | None:
        """The text file of a clip, or None."""
        try:
            if self._members:
                return self._archive.read(self._members[name])
            return (self.folder / f"{name}.txt").read_bytes()
        except (KeyError, FileNotFoundError):
            return None
        except (zipfile.BadZipFile, OSError) as error:
            raise MotionError(f"texts of {name}: cannot be read ({error}); download them again") from None

    def write(self, out: Path, record: Mapping[str, Any]) -> str | None:
        """texts/NAME.txt and its twin's; None, or why there is none."""
        names = [record["name"], f"M{record['name']}"] if record["mirror"] else [record["name"]]
        for name in names:
            content = self.read(name)
            if not content or not content.strip():
                return f"has no texts/{name}.txt, so it is in no list"
            try:
                layout.write_text(out / "texts" / f"{name}.txt", content.decode("utf-8"))
            except UnicodeDecodeError:
                return f"its texts/{name}.txt is not UTF-8, so it is in no list"
        return None
