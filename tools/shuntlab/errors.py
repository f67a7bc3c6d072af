"""The one exception the lab raises for people: what went wrong, where, and what to do."""


class LabError(Exception):
    pass
