"""The Django admin under this site's Content-Security-Policy."""

from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.admin import AdminSite

without_trusted_types = csp_replace({"require-trusted-types-for": None, "trusted-types": None})


class SiteAdmin(AdminSite):
    """The admin's jQuery writes HTML as plain strings, which trusted types forbid."""

    site_header = site_title = settings.SITE_NAME

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return without_trusted_types(super().admin_view(view, cacheable))
