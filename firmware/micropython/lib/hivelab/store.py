"""The few small files in /hive: JSON, written so that a cut of power leaves the old or the new one."""

import json
import os

FOLDER = "/hive"
SETTINGS = FOLDER + "/settings.json"
SECRETS = FOLDER + "/secrets.json"
# whose presence means safe mode
SAFE = FOLDER + "/safe"


def read(path):
    """Return what a JSON file holds; None if there is none.

    Raises:
        ValueError: it is not JSON.
    """
    text = read_text(path)
    return None if text is None else json.loads(text)


def read_text(path):
    """Return a file's text; None if there is none."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def write_text(path, text):
    """Replace a file in one go."""
    try:
        os.stat(FOLDER)
    except OSError:
        os.mkdir(FOLDER)
    new = path + ".new"
    with open(new, "w") as file:
        file.write(text)
    try:
        os.rename(new, path)
    except OSError:
        # FAT does not rename onto a file that is there
        remove(path)
        os.rename(new, path)


def remove(path):
    """Remove a file, if it is there."""
    try:
        os.remove(path)
    except OSError:
        # `stat` says whether it is gone: the numbers of errors differ between boards
        if exists(path):
            raise


def exists(path):
    """Return whether there is such a file."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True
