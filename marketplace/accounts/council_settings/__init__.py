"""What councils decide for themselves: dated values, what each setting means, and the pages that change them."""

from marketplace.accounts.council_settings.values import (
    DEFAULTS,
    set_setting,
    setting,
    setting_by_day,
    setting_days,
    settings_of,
)

__all__ = ["DEFAULTS", "set_setting", "setting", "setting_by_day", "setting_days", "settings_of"]
