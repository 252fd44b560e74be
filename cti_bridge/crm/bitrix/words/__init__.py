"""The words of Bitrix24 and their translation both ways: nothing else in this package knows them."""
