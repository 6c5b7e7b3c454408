metadata name = 'Topic'
metadata description = 'One topic of infra/topology.json with its subscriptions and their rules.'

import { topicType } from '../topology.bicep'

@description('Required. Name of the Service Bus namespace the topic belongs to.')
param namespaceName string

@description('Required. The topic as infra/topology.json describes it.')
param topic topicType

// A subscription is born with a rule named $Default that lets everything through. It is replaced,
// not joined: the first rule of the topology takes its name, so that no message can slip past the
// filters, not even while the deployment runs.
var rules = flatten(map(
  topic.Subscriptions,
  (subscription, index) => map(
    subscription.?Rules ?? [],
    (rule, position) => {
      subscription: index
      name: position == 0 ? '$Default' : rule.Name
      filter: rule.Properties
    }
  )
))

resource namespace 'Microsoft.ServiceBus/namespaces@2022-10-01-preview' existing = {
  name: namespaceName
}

resource entity 'Microsoft.ServiceBus/namespaces/topics@2022-10-01-preview' = {
  parent: namespace
  name: topic.Name
  properties: {
    defaultMessageTimeToLive: topic.Properties.?DefaultMessageTimeToLive
    duplicateDetectionHistoryTimeWindow: topic.Properties.?DuplicateDetectionHistoryTimeWindow
    requiresDuplicateDetection: topic.Properties.?RequiresDuplicateDetection ?? false
  }
}

resource subscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2022-10-01-preview' = [
  for subscription in topic.Subscriptions: {
    parent: entity
    name: subscription.Name
    properties: {
      deadLetteringOnFilterEvaluationExceptions: true
      deadLetteringOnMessageExpiration: subscription.Properties.?DeadLetteringOnMessageExpiration ?? true
      defaultMessageTimeToLive: subscription.Properties.?DefaultMessageTimeToLive
      lockDuration: subscription.Properties.?LockDuration ?? 'PT1M'
      maxDeliveryCount: subscription.Properties.?MaxDeliveryCount ?? 10
      requiresSession: subscription.Properties.?RequiresSession ?? false
      forwardTo: empty(subscription.Properties.?ForwardTo) ? null : subscription.Properties.?ForwardTo
      forwardDeadLetteredMessagesTo: empty(subscription.Properties.?ForwardDeadLetteredMessagesTo)
        ? null
        : subscription.Properties.?ForwardDeadLetteredMessagesTo
    }
  }
]

resource subscriptionRules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2022-10-01-preview' = [
  for rule in rules: {
    name: '${namespaceName}/${topic.Name}/${topic.Subscriptions[rule.subscription].Name}/${rule.name}'
    dependsOn: [subscriptions]
    properties: {
      filterType: rule.filter.FilterType == 'Sql' ? 'SqlFilter' : 'CorrelationFilter'
      sqlFilter: rule.filter.FilterType == 'Sql'
        ? { sqlExpression: rule.filter.?SqlFilter.?SqlExpression }
        : null
      correlationFilter: rule.filter.FilterType == 'Correlation' ? rule.filter.?CorrelationFilter : null
      action: contains(rule.filter, 'Action') ? { sqlExpression: rule.filter.?Action.?SqlExpression } : null
    }
  }
]

@description('Resource id of the topic.')
output id string = entity.id
