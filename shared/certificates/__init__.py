"""What a certificate looks like to an auditor: who issues and who verifies make the same page."""

from shared.certificates.page import certificate_page

__all__ = ["certificate_page"]
