"""From a config file to a resolved run: read, check, migrate, resolve; users import `load_config` from tressi."""
