"""The forms that a block of the tutorial may have, as its index explains them to the reader."""

from pathlib import Path

import pytest

from tests.docs.chapters import Interrupt, Look, Step, Type, Write, names_its_files, steps
from tests.docs.reader import pattern

SETTINGS = """\
import os

APPS = [
    "chat",
]

DEBUG = True


def name():
    return "chat"


class House(Place):
    def open(
        self,
    ):
        return True

    def close(self):
        return False
"""
OPEN = """\
    def open(
        self,
    ):
        return True
"""


def written(form: str, text: str) -> str:
    return Write(1, form, "settings.py", text).applied(SETTINGS)


def test_a_file_is_the_whole_file() -> None:
    assert written("file", "DEBUG = False\n") == "DEBUG = False\n"


def test_append_goes_to_the_end() -> None:
    assert written("append", "\nMORE = 1\n") == SETTINGS + "\nMORE = 1\n"


@pytest.mark.parametrize(
    ("block", "old"),
    [
        ("APPS = []\n", 'APPS = [\n    "chat",\n]\n'),
        ("DEBUG = False\nMORE = 1\n", "DEBUG = True\n"),
        ("def name():\n    return 1\n", 'def name():\n    return "chat"\n'),
        ("    def open(self):\n        pass\n", OPEN),
        ("    def close(self):\n        pass\n", "    def close(self):\n        return False\n"),
        ("class House(Shed):\n    pass\n", SETTINGS[SETTINGS.index("class") :]),
    ],
)
def test_replace_takes_the_place_of_a_definition(block: str, old: str) -> None:
    assert old in SETTINGS
    assert written("replace", block) == SETTINGS.replace(old, block)


def test_line_takes_the_place_of_one_line() -> None:
    assert written("line", "class House(Shed):\n") == SETTINGS.replace("(Place)", "(Shed)")
    assert written("line", "import os\nimport re\n").startswith("import os\nimport re\n\nAPPS")


@pytest.mark.parametrize("block", ["def nobody():\n", "    "])
def test_what_is_not_there_once_is_not_replaced(block: str) -> None:
    with pytest.raises(ValueError, match="lines"):
        written("replace", block)


CHAPTER = """\
# A chapter

Write `a.py`:

```python file=a.py
print("Hello")
```

```console
$ python a.py
Hello
$ python b.py
```

<!-- look: nothing_yet -->

![A window](images/01-a-window.png)

Stop `python` with Ctrl-C.
"""


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    path = tmp_path / "01-chapter.md"
    path.write_text(CHAPTER)
    return path


def test_a_chapter_is_a_list_of_steps(chapter: Path) -> None:
    expected: list[Step] = [
        Write(5, "file", "a.py", 'print("Hello")\n'),
        Type(10, "python a.py", ("Hello",)),
        Type(12, "python b.py", ()),
        Look(15, "nothing_yet"),
        Look(17, "a_window", "images/01-a-window.png"),
        Interrupt(19, ("python",)),
    ]
    assert steps(chapter) == expected


def test_a_block_that_goes_nowhere_is_an_error(chapter: Path) -> None:
    chapter.write_text(CHAPTER.replace(" file=a.py", ""))
    with pytest.raises(ValueError, match="line 5"):
        steps(chapter)


def test_a_block_whose_file_the_text_does_not_name_is_found(chapter: Path) -> None:
    assert names_its_files(chapter) == []
    chapter.write_text(CHAPTER.replace("Write `a.py`", "Write"))
    assert names_its_files(chapter) == ["01-chapter.md:5: a.py"]


@pytest.mark.parametrize(
    ("shown", "output", "matches"),
    [
        (["OK"], "OK\n", True),
        (["OK"], "OK, but\n", False),
        (["took ... ms"], "took 12.5 ms\n", True),
        (["took ... ms"], "took\n12 ms\n", False),
        (["...", "OK"], "one\ntwo\nOK\n", True),
        (["...", "OK"], "OK\n", True),
        (["...", "OK"], "one\nOK\nFAILED\n", False),
        (["OK", "..."], "OK\n", True),
    ],
)
def test_three_dots_stand_for_what_is_different_each_time(
    shown: list[str], output: str, matches: bool
) -> None:
    assert bool(pattern(shown).fullmatch(output)) is matches
