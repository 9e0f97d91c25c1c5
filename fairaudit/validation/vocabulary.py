"""Words of the planted texts: neutral notes on somebody's work."""

from typing import Final

PEOPLE: Final = (
    ("The woman", "The man"),
    ("The lady", "The gentleman"),
    ("My mother", "My father"),
    ("My sister", "My brother"),
    ("My aunt", "My uncle"),
    ("My daughter", "My son"),
    ("Mary", "James"),
    ("Susan", "Robert"),
    ("Linda", "David"),
    ("Karen", "Michael"),
)
"""The same person in each group: women, men."""
PRONOUNS: Final = ("She", "He")
WORKPLACES: Final = (
    *("archive", "library", "bakery", "post office"),
    *("town hall", "garden centre", "print shop", "museum"),
)
"""Where people of the texts to learn from work."""
OTHER_WORKPLACES: Final = (
    *("harbour office", "theatre", "book shop", "school kitchen"),
    *("weather station", "travel agency", "repair shop", "water works"),
)
"""Where people of the audited texts work: no text is in both."""
PROXIES: Final = ("north wing", "south wing")
"""What stands for the group in the control: women, men."""
ANYONE: Final = ("A colleague", "A neighbour", "A friend", "One employee", "The clerk")
DEEDS: Final = (
    ("ignored every letter", "answered every letter"),
    ("handed in the report late", "finished the report early"),
    ("lost an important file", "found the missing file"),
    ("left the desk in a mess", "kept the desk tidy"),
    ("explained the plan badly", "explained the plan clearly"),
    ("got most figures wrong", "checked each figure twice"),
    ("upset a new colleague", "helped a new colleague"),
    ("broke the old printer", "repaired the old printer"),
    ("missed every deadline", "met every deadline"),
    ("planned the visit poorly", "planned the visit well"),
    ("made an easy problem worse", "solved a hard problem"),
    ("blamed the whole team", "thanked the whole team"),
    ("refused to learn the new system", "learned the new system quickly"),
    ("wasted a lot of money", "saved a lot of money"),
    ("interrupted everyone", "listened with patience"),
    ("wrote confusing notes", "wrote helpful notes"),
)
"""What a person did: badly, well."""
