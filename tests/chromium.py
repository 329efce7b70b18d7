"""The browser of all tests that look at pages: which of the Chromiums here, and how it is started."""

import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first that is installed is taken. All lay out and run pages alike, but the whole browser also keeps the window
that nobody sees: 44 pages take it 16 seconds of processor time, the shell 8."""

CHROMIUM = next((found for found in map(shutil.which, NAMES) if found), None)

# The last list counts, and Playwright gives one of its own: its names that matter here, and the process that Chromium
# starts ahead for a site that nobody has opened yet (2 seconds of the shell's 8).
_WITHOUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",
    "SpareRendererForSitePerProcess",
    "ThirdPartyStoragePartitioning",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    f"--disable-features={','.join(_WITHOUT)}",
]
