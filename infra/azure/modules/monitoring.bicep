metadata name = 'Monitoring'
metadata description = 'Log Analytics and Application Insights, written to with Entra ID only.'

import { roleIds } from '../roles.bicep'

@description('Required. Prefix of the resource names.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags for every resource.')
param tags object

@description('Required. Principal ids that may publish telemetry.')
param principalIds string[]

@description('Optional. Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(insights.id, principal, roleIds.monitoringMetricsPublisher)
    scope: insights
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds.monitoringMetricsPublisher
      )
    }
  }
]

@description('Connection string; with local authentication disabled it names the resource and opens nothing.')
output connectionString string = insights.properties.ConnectionString
