metadata name = 'Tillbus'
metadata description = 'Service Bus namespace, Function Apps, store and telemetry for one environment; no keys, no connection strings.'

import { businessCentralType, commerceType, dataverseType, financeOperationsType, inventoryVisibilityType } from 'products.bicep'

@description('Required. Name of the environment, for example shop-test; part of every resource name.')
@minLength(2)
@maxLength(20)
param environmentName string

@description('Optional. Azure region.')
param location string = resourceGroup().location

@description('Required. The companies whose facts are booked: see services/sales/README.md, setting COMPANIES.')
param companies object

@description('Optional. Entra tenant of Dynamics.')
param dynamicsTenantId string = tenant().tenantId

@description('Optional. Finance & Operations, where a company keeps something there.')
param financeOperations financeOperationsType?

@description('Optional. Business Central, where a company keeps something there.')
param businessCentral businessCentralType?

@description('Optional. Dataverse, where a company keeps something there.')
param dataverse dataverseType?

@description('Optional. Inventory Visibility, where a company keeps its stock there.')
param inventoryVisibility inventoryVisibilityType?

@description('Optional. The Commerce channel, where a company sells through it.')
param commerce commerceType?

@description('Optional. How long a fact waits for a record that is missing in Dynamics, ISO 8601.')
param parkingPatience string = 'P3D'

@description('Optional. Waits between attempts, ISO 8601, with commas between them.')
param retryDelays string = 'PT10S,PT1M,PT10M,PT1H'

@description('Optional. ISO 8601 duration: how long a fact is tried again, through outages, before it becomes a dead letter.')
param retryPatience string = 'P1D'

@description('Optional. Service -> its further settings, for example { customers: { AUTHORITY: \'...\' } }; never secrets.')
param serviceSettings object = {}

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

// The one list of what is deployed, with what each service is told and no other is.
var services = loadJsonContent('services.json')
var serviceNames = map(services, service => service.name)

// Settings of each product by their prefix; an empty one means the default.
var products = {
  DYNAMICS: empty(financeOperations) ? {} : {
    DYNAMICS_URL: financeOperations!.url
    DYNAMICS_CUSTOM_SERVICES: string(financeOperations.?customServices ?? {})
    DYNAMICS_JOURNAL_NAMES: empty(financeOperations.?journalNames) ? '' : string(financeOperations!.journalNames)
    DYNAMICS_CUSTOMER_GROUP: financeOperations.?customerGroup ?? ''
    DYNAMICS_MOVEMENT_OFFSET_ACCOUNT: financeOperations.?movementOffsetAccount ?? ''
    DYNAMICS_PACKAGE_GROUP: financeOperations.?packageGroup ?? ''
  }
  BUSINESS_CENTRAL: empty(businessCentral) ? {} : {
    BUSINESS_CENTRAL_URL: businessCentral!.url
    BUSINESS_CENTRAL_ENVIRONMENT: businessCentral.?environment ?? ''
    BUSINESS_CENTRAL_CUSTOM_API: businessCentral.?customApi ?? ''
    BUSINESS_CENTRAL_PAYMENT_JOURNAL: businessCentral.?paymentJournal ?? ''
  }
  DATAVERSE: empty(dataverse) ? {} : {
    DATAVERSE_URL: dataverse!.url
    DATAVERSE_PREFIX: dataverse.?prefix ?? ''
  }
  INVENTORY_VISIBILITY: empty(inventoryVisibility) ? {} : {
    INVENTORY_VISIBILITY_URL: inventoryVisibility!.url
    INVENTORY_VISIBILITY_ENVIRONMENT_ID: inventoryVisibility!.environmentId
    INVENTORY_VISIBILITY_DATA_SOURCE: inventoryVisibility.?dataSource ?? ''
  }
  COMMERCE: empty(commerce) ? {} : {
    COMMERCE_URL: commerce!.url
    COMMERCE_COMPANY: commerce!.company
    COMMERCE_OPERATING_UNIT: commerce!.operatingUnit
    COMMERCE_CHANNEL_ID: commerce!.channelId
    COMMERCE_STORE: commerce.?store ?? ''
    COMMERCE_TERMINAL: commerce.?terminal ?? ''
  }
}
var configured = filter(objectKeys(products), prefix => !empty(products[prefix]))

var suffix = uniqueString(resourceGroup().id, environmentName)
var name = 'tillbus-${environmentName}'
var allTags = union(tags, { 'azd-env-name': environmentName })

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { name: name, location: location, tags: allTags, services: serviceNames }
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
    containers: map(serviceNames, service => 'app-${service}')
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
    name: 'app-${service.name}'
    params: {
      name: '${name}-${service.name}-${suffix}'
      serviceName: service.name
      location: location
      tags: allTags
      identity: {
        id: identities.outputs.identities[index].id
        clientId: identities.outputs.identities[index].clientId
      }
      storage: {
        name: storage.outputs.name
        blobEndpoint: storage.outputs.blobEndpoint
        container: 'app-${service.name}'
      }
      signsInTo: filter(service.products, prefix => contains(configured, prefix))
      dynamicsTenantId: dynamicsTenantId
      settings: reduce(
        filter(service.products, prefix => contains(configured, prefix)),
        union(
          {
            ServiceBusConnection__fullyQualifiedNamespace: servicebus.outputs.fullyQualifiedNamespace
            ServiceBusConnection__credential: 'managedidentity'
            ServiceBusConnection__clientId: identities.outputs.identities[index].clientId
            STORE_URL: 'postgresql+asyncpg://${identities.outputs.identities[index].name}@${store.outputs.host}:5432/${store.outputs.databaseName}?role=azure_pg_admin'
            APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
            APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identities.outputs.identities[index].clientId};Authorization=AAD'
            // The app exports its own logs and spans; without this the host would send the lines again.
            PYTHON_ENABLE_OPENTELEMETRY: 'true'
            RETRY_DELAYS: retryDelays
            RETRY_PATIENCE: retryPatience
            PARKING_PATIENCE: parkingPatience
          },
          service.readsCompanies ? { COMPANIES: string(companies) } : {},
          serviceSettings[?service.name] ?? {}
        ),
        (all, prefix) => union(all, products[prefix])
      )
      maximumInstanceCount: maximumInstanceCount
    }
  }
]

@description('Host name that tills publish to.')
output serviceBusNamespace string = servicebus.outputs.fullyQualifiedNamespace

@description('Function Apps in the order of services.json: service, host name, and the client id to enter in Dynamics as an application of Microsoft Entra ID.')
output functionApps { service: string, hostName: string, clientId: string }[] = [
  for (service, index) in services: {
    service: service.name
    hostName: apps[index].outputs.hostName
    clientId: identities.outputs.identities[index].clientId
  }
]
