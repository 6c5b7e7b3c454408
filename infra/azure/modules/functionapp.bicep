metadata name = 'Function App'
metadata description = 'One service as a Flex Consumption app on Python 3.13 under its own user-assigned identity.'

@description('Required. Name of the app; part of a public host name.')
param name string

@description('Required. Service folder this app is deployed from; azd finds the app by it.')
param serviceName string

@description('Required. Azure region.')
param location string

@description('Required. Tags for every resource.')
param tags object

@description('Required. The identity the app runs under.')
param identity { id: string, clientId: string }

@description('Required. Storage for host state and packages.')
param storage { name: string, blobEndpoint: string, container: string }

@description('Required. Settings beyond the host\'s own; values are never secrets.')
param settings object

@description('Required. Prefixes of the Dynamics products the app signs in to, under its own identity.')
param signsInTo string[]

@description('Required. Entra tenant of Dynamics.')
param dynamicsTenantId string

@description('Optional. Memory of an instance in MB.')
param instanceMemoryMB 512 | 2048 | 4096 = 2048

@description('Optional. Most instances at once; with the batch size it bounds the load on Dynamics.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

var signIn = union(
  toObject(signsInTo, prefix => '${prefix}_TENANT_ID', prefix => dynamicsTenantId),
  toObject(signsInTo, prefix => '${prefix}_CLIENT_ID', prefix => identity.clientId)
)

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${name}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled' }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.blobEndpoint}${storage.container}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, signIn, {
      AzureWebJobsStorage__accountName: storage.name
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.clientId
      // What azure-identity's DefaultAzureCredential looks for.
      AZURE_CLIENT_ID: identity.clientId
    })
  }
}

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
