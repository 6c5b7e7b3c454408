metadata name = 'PostgreSQL'
metadata description = 'The store of the services: PostgreSQL Flexible Server, Entra ID only, no passwords.'

@description('Required. Name of the server; part of a public host name.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags for every resource.')
param tags object

@description('Required. The identities that may use the database; each signs in under its own name.')
param identities { name: string, principalId: string }[]

@description('Optional. Compute size.')
param skuName string = 'Standard_B1ms'

@description('Optional. Tier of the compute size.')
param skuTier 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized' = 'Burstable'

@description('Optional. Storage in GiB.')
param storageGiB int = 32

var databaseName = 'tillbus'

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: skuName, tier: skuTier }
  properties: {
    version: '16'
    storage: { storageSizeGB: storageGiB }
    backup: { backupRetentionDays: 14 }
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: server
  name: databaseName
}

// Function Apps on Flex Consumption have no fixed addresses; sign-in is what protects the server.
resource azureServices 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01' = {
  parent: server
  name: 'azure-services'
  properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }
}

@batchSize(1)
resource administrators 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01' = [
  for identity in identities: {
    parent: server
    name: identity.principalId
    dependsOn: [database, azureServices]
    properties: {
      principalName: identity.name
      principalType: 'ServicePrincipal'
      tenantId: tenant().tenantId
    }
  }
]

@description('Host name of the server.')
output host string = server.properties.fullyQualifiedDomainName

@description('Name of the database.')
output databaseName string = databaseName
