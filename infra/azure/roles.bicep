metadata name = 'Roles'
metadata description = 'Built-in roles by name, so that no module carries a bare GUID. Source: Azure built-in roles, Microsoft Learn.'

@export()
@description('Ids of the built-in role definitions that Tillbus assigns.')
var roleIds = {
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  serviceBusDataReceiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  serviceBusDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
}
