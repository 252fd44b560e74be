"""Bitrix24 by its REST interface: a webhook to look up and write down, a local application to tell of calls too."""
