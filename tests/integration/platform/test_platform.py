"""The platform as a whole, where one component alone does not show it."""

from pathlib import Path

import pytest

from infra.local.platform import DidNotStart, Platform, PlatformOptions
from infra.local.platform.platform import only_platform_over


async def test_a_second_platform_over_the_same_folder_is_refused_in_a_sentence(
    tmp_path: Path,
) -> None:
    second = Platform(PlatformOptions(tmp_path))

    with only_platform_over(tmp_path), pytest.raises(DidNotStart, match="already; stop it"):
        await second.__aenter__()

    with only_platform_over(tmp_path):
        pass  # nothing keeps it once it is let go
    assert second.components == {}
