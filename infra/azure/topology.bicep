metadata name = 'Topology types'
metadata description = 'The shape of infra/topology.json: the Config.json of the official Service Bus emulator.'

@export()
@description('A SQL rule or a correlation rule of a subscription.')
type ruleType = {
  @description('Name of the rule within its subscription.')
  Name: string
  @description('Filter and action of the rule.')
  Properties: {
    @description('Which of the two filters applies.')
    FilterType: 'Sql' | 'Correlation'
    @description('SQL-92 condition over system and application properties.')
    SqlFilter: { SqlExpression: string }?
    @description('Properties that must all be equal.')
    CorrelationFilter: object?
    @description('SQL action that changes the copy which this rule lets through.')
    Action: { SqlExpression: string }?
  }
}

@export()
@description('A subscription and its rules. Durations are ISO 8601.')
type subscriptionType = {
  Name: string
  Properties: {
    DeadLetteringOnMessageExpiration: bool?
    DefaultMessageTimeToLive: string?
    LockDuration: string?
    MaxDeliveryCount: int?
    ForwardDeadLetteredMessagesTo: string?
    ForwardTo: string?
    RequiresSession: bool?
  }
  Rules: ruleType[]?
}

@export()
@description('A topic with its subscriptions.')
type topicType = {
  Name: string
  Properties: {
    DefaultMessageTimeToLive: string?
    DuplicateDetectionHistoryTimeWindow: string?
    RequiresDuplicateDetection: bool?
  }
  Subscriptions: subscriptionType[]
}
