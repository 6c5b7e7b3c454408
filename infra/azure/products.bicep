metadata name = 'Dynamics products'
metadata description = 'What a deployment is told of each Dynamics product; shared/dynamics/README.md explains every setting.'

@export()
@description('Finance & Operations: settings DYNAMICS_*.')
type financeOperationsType = {
  @description('Base address, without a slash at its end.')
  url: string
  @description('Operation -> group/service/operation of the custom service that carries it out.')
  customServices: object?
  @description('Kind of journal -> journal name.')
  journalNames: object?
  @description('Customer group of new customers without one.')
  customerGroup: string?
  @description('Main account of stock movements.')
  movementOffsetAccount: string?
  @description('Data project that imports packages.')
  packageGroup: string?
}

@export()
@description('Business Central: settings BUSINESS_CENTRAL_*.')
type businessCentralType = {
  @description('https://api.businesscentral.dynamics.com')
  url: string
  @description('Name of the environment; production where it is left out.')
  environment: string?
  @description('publisher/group/version of the retail custom API, where it is installed.')
  customApi: string?
  @description('Code of the payment journal.')
  paymentJournal: string?
}

@export()
@description('Dataverse: settings DATAVERSE_*.')
type dataverseType = {
  @description('Base address of the environment.')
  url: string
  @description('Publisher prefix of our tables and columns.')
  prefix: string?
}

@export()
@description('Inventory Visibility: settings INVENTORY_VISIBILITY_*.')
type inventoryVisibilityType = {
  @description('Address of the region\'s service.')
  url: string
  @description('Environment id of Lifecycle Services.')
  environmentId: string
  @description('Data source whose measures are changed and set.')
  dataSource: string?
}

@export()
@description('Commerce Scale Unit, one channel: settings COMMERCE_*.')
type commerceType = {
  @description('Address of the scale unit.')
  url: string
  @description('Legal entity of the channel.')
  company: string
  @description('Operating unit number.')
  operatingUnit: string
  @description('Record id of the channel, as text: it is longer than a 32-bit number.')
  channelId: string
  @description('Store number, for orders.')
  store: string?
  @description('Register number, for orders.')
  terminal: string?
}
