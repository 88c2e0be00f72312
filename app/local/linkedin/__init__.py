"""A stand-in for LinkedIn's OAuth 2.0: a consent page to click on, a token endpoint with refresh, and userinfo.

Addresses, fields and error names are LinkedIn's (learn.microsoft.com/linkedin/shared/authentication). Members are
whoever one says to be on the page.
"""
