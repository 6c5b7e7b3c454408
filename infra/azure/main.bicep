metadata name = 'Tillbus'
metadata description = 'Service Bus namespace, Function Apps, store and telemetry for one environment; no keys, no connection strings.'

@description('Required. Name of the environment, for example shop-test; part of every resource name.')
@minLength(2)
@maxLength(20)
param environmentName string

@description('Optional. Azure region.')
param location string = resourceGroup().location

@description('Required. Base address of Finance & Operations, without a slash at its end.')
param dynamicsUrl string

@description('Optional. Entra tenant of Dynamics.')
param dynamicsTenantId string = tenant().tenantId

@description('Required. The companies whose facts are booked: see services/sales/README.md, setting COMPANIES.')
param companies object

@description('Optional. Service Bus tier.')
param serviceBusSku 'Standard' | 'Premium' = 'Standard'

@description('Optional. Compute of the store.')
param postgres { skuName: string, skuTier: 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized', storageGiB: int } = {
  skuName: 'Standard_B1ms'
  skuTier: 'Burstable'
  storageGiB: 32
}

@description('Optional. Most instances of each Function App at once.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param telemetryRetentionDays int = 90

@description('Optional. Tags for every resource.')
param tags object = {}

// The one source that Azure, the official emulator and the local bus read.
var topics = loadJsonContent('../topology.json', 'UserConfig.Namespaces[0].Topics')

var services = ['sales', 'completeness']
var suffix = uniqueString(resourceGroup().id, environmentName)
var name = 'tillbus-${environmentName}'
var allTags = union(tags, { 'azd-env-name': environmentName })

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { name: name, location: location, tags: allTags, services: services }
}

module servicebus 'modules/servicebus.bicep' = {
  name: 'servicebus'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: allTags
    topics: topics
    principalIds: map(identities.outputs.identities, identity => identity.principalId)
    sku: serviceBusSku
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    name: name
    location: location
    tags: allTags
    principalIds: map(identities.outputs.identities, identity => identity.principalId)
    retentionDays: telemetryRetentionDays
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'tillbus${suffix}'
    location: location
    tags: allTags
    containers: map(services, service => 'app-${service}')
    principalIds: map(identities.outputs.identities, identity => identity.principalId)
  }
}

module store 'modules/postgres.bicep' = {
  name: 'postgres'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: allTags
    identities: map(identities.outputs.identities, identity => {
      name: identity.name
      principalId: identity.principalId
    })
    skuName: postgres.skuName
    skuTier: postgres.skuTier
    storageGiB: postgres.storageGiB
  }
}

module apps 'modules/functionapp.bicep' = [
  for (service, index) in services: {
    name: 'app-${service}'
    params: {
      name: '${name}-${service}-${suffix}'
      serviceName: service
      location: location
      tags: allTags
      identity: {
        id: identities.outputs.identities[index].id
        clientId: identities.outputs.identities[index].clientId
      }
      storage: {
        name: storage.outputs.name
        blobEndpoint: storage.outputs.blobEndpoint
        container: 'app-${service}'
      }
      settings: {
        ServiceBusConnection__fullyQualifiedNamespace: servicebus.outputs.fullyQualifiedNamespace
        ServiceBusConnection__credential: 'managedidentity'
        ServiceBusConnection__clientId: identities.outputs.identities[index].clientId
        STORE_URL: 'postgresql+asyncpg://${identities.outputs.identities[index].name}@${store.outputs.host}:5432/${store.outputs.databaseName}?role=azure_pg_admin'
        APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identities.outputs.identities[index].clientId};Authorization=AAD'
        // The app exports its own logs and spans; without this the host would send the lines again.
        PYTHON_ENABLE_OPENTELEMETRY: 'true'
        DYNAMICS_URL: dynamicsUrl
        DYNAMICS_TENANT_ID: dynamicsTenantId
        DYNAMICS_CLIENT_ID: identities.outputs.identities[index].clientId
        COMPANIES: string(companies)
      }
      maximumInstanceCount: maximumInstanceCount
    }
  }
]

@description('Host name that tills publish to.')
output serviceBusNamespace string = servicebus.outputs.fullyQualifiedNamespace

@description('Host names of the Function Apps, in the order sales, completeness.')
output functionAppHostNames string[] = [for index in range(0, length(services)): apps[index].outputs.hostName]

@description('Client ids to enter in Dynamics under Microsoft Entra ID applications, in the same order.')
output clientIds string[] = map(identities.outputs.identities, identity => identity.clientId)
