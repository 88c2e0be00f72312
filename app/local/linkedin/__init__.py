"""A stand-in for LinkedIn's OAuth 2.0: a consent page, a token endpoint with refresh, and userinfo.

Paths, fields and error names are LinkedIn's (learn.microsoft.com/linkedin/shared/authentication). The user of the
consent page types in the member's name.
"""
