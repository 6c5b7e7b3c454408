metadata name = 'Service Bus'
metadata description = 'The namespace with every topic, subscription and rule of infra/topology.json; Entra ID only.'

import { topicType } from '../topology.bicep'
import { roleIds } from '../roles.bicep'

@description('Required. Name of the namespace; part of a public host name.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags for every resource.')
param tags object

@description('Required. Topics as infra/topology.json lists them.')
param topics topicType[]

@description('Required. Principal ids that may send to and receive from every topic.')
param principalIds string[]

@description('Optional. Standard is enough for a chain of shops; Premium adds isolation and private endpoints.')
param sku 'Standard' | 'Premium' = 'Standard'

resource namespace 'Microsoft.ServiceBus/namespaces@2022-10-01-preview' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, tier: sku }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

// One after another: the resource provider answers conflicts to parallel writes in one namespace.
@batchSize(1)
module entities 'topic.bicep' = [
  for topic in topics: {
    name: 'topic-${topic.Name}'
    params: { namespaceName: namespace.name, topic: topic }
  }
]

var grants = flatten(map(
  principalIds,
  principal => [
    { principal: principal, role: roleIds.serviceBusDataReceiver }
    { principal: principal, role: roleIds.serviceBusDataSender }
  ]
))

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(namespace.id, grant.principal, grant.role)
    scope: namespace
    properties: {
      principalId: grant.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

@description('Host name that clients connect to.')
output fullyQualifiedNamespace string = '${namespace.name}.servicebus.windows.net'
