"""What all tests share: those in tests/, and those that live in the folder of their feature."""

pytest_plugins = ["tests.plugin", "tests.chat.fixtures", "tests.e2e.fixtures"]
