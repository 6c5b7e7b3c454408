metadata name = 'Identities'
metadata description = 'One user-assigned identity per service.'

@description('Required. Prefix of the resource names.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags for every resource.')
param tags object

@description('Required. Names of the services.')
param services string[]

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = [
  for service in services: {
    name: '${name}-${service}'
    location: location
    tags: tags
  }
]

@description('The identities, in the order of the services.')
output identities { name: string, id: string, clientId: string, principalId: string }[] = [
  for index in range(0, length(services)): {
    name: identities[index].name
    id: identities[index].id
    clientId: identities[index].properties.clientId
    principalId: identities[index].properties.principalId
  }
]
