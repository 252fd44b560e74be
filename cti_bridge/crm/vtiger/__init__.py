"""vtiger CE 6 and 7, SalesPlatform and Vtiger Cloud: three doors to one CRM, behind the port that every CRM has."""
