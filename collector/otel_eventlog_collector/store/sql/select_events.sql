SELECT
    {detail},
    {shape},
    organization.text,
    client.text,
    agent.text,
    message.text,
    e.position
FROM {halves} AS e
LEFT JOIN shapes ON shapes.id = e.shape_id
LEFT JOIN texts AS organization ON organization.id = e.organization_text
LEFT JOIN texts AS client ON client.id = e.client_text
LEFT JOIN texts AS agent ON agent.id = e.user_agent_text
LEFT JOIN texts AS message ON message.id = e.error_message_text
