// Every parameter at work: a chain in three countries, each with other products of its own tenant.
using 'main.bicep'

param environmentName = 'chain-live'
param location = 'westeurope'
param dynamicsTenantId = '00000000-0000-0000-0000-000000000000'
param companies = {
  usrt: { currencies: ['USD'], ledger: 'commerce', site: 'S1' }
  gbrt: {
    currencies: ['GBP', 'EUR']
    ledger: 'business-central'
    stock: 'business-central'
    customers: ['business-central', 'dataverse']
    gift_cards: 'dataverse'
    orders: 'business-central'
  }
  aert: { currencies: ['AED'], country: 'AE', site: 'S1', points_per_unit: '0.1' }
}
param financeOperations = {
  url: 'https://contoso.operations.dynamics.com'
  customServices: {
    post: 'TillbusServices/TillbusPosting/post'
    cancel: 'TillbusServices/TillbusPosting/cancel'
    balance: 'TillbusServices/TillbusPosting/balance'
  }
  journalNames: { payment: 'CustPay' }
  customerGroup: 'RETAIL'
  movementOffsetAccount: '600100'
  packageGroup: 'Tillbus'
}
param businessCentral = {
  url: 'https://api.businesscentral.dynamics.com'
  environment: 'production'
  customApi: 'tillbus/retail/v1.0'
  paymentJournal: 'POS'
}
param dataverse = { url: 'https://contoso.crm4.dynamics.com', prefix: 'tillbus' }
param inventoryVisibility = {
  url: 'https://inventoryservice.eu-il301.gateway.prod.island.powerapps.com'
  environmentId: '00000000-0000-0000-0000-000000000000'
  dataSource: 'pos'
}
param commerce = {
  url: 'https://scu.contoso.commerce.dynamics.com'
  company: 'usrt'
  operatingUnit: '101'
  channelId: '5637144592'
  store: 'STORE101'
  terminal: 'T1'
}
param parkingPatience = 'P7D'
param retryDelays = 'PT10S,PT1M,PT10M,PT1H'
param retryPatience = 'P2D'
param serviceSettings = {
  customers: { AUTHORITY: '{"*": {"email": "till"}}' }
  inventory: { STOCK_WINDOW: 'PT0.2S' }
}
param serviceBusSku = 'Premium'
param postgres = { skuName: 'Standard_D2ds_v5', skuTier: 'GeneralPurpose', storageGiB: 128 }
param maximumInstanceCount = 100
param telemetryRetentionDays = 365
param tags = { owner: 'retail-integration' }
