# language: zh-CN
功能: 媒体上传

  背景:
    假如系统正在运行

  场景: 第二次上传不会覆盖第一次，创建帖子时全部关联
    当用户"alice"上传了媒体"第一"
    那么3秒内出现事件"media.upload.completed"
    并且用户"alice"的媒体"第一"在5秒内等待关联
    当用户"alice"上传了媒体"第二"
    那么用户"alice"的媒体"第二"在5秒内等待关联
    并且用户"alice"的媒体"第一"在5秒内等待关联
    当用户"alice"发布了帖子"帖子"
    那么视图"media of post"在5秒内显示"{第一.media_id}"
      | post | {帖子.post_id} |
    并且视图"media of post"在5秒内显示"{第二.media_id}"
      | post | {帖子.post_id} |

  场景: 待关联的媒体保留3600秒
    当用户"alice"上传了媒体"媒体"
    那么用户"alice"的媒体"媒体"在5秒内等待关联
    并且视图"pending lifetime"在5秒内显示"3600"
      | user | {alice} |

  场景: 重复的上传事件只处理一次
    当发布事件"media.upload.completed"，记为"上传"
    并且同一事件再次发布2次
    并且同一事件在处理完成后再次发布
    那么视图"remembered by content-service"在10秒内显示"604800"
      | event | {上传.id} |
    并且服务"content-service"只处理该事件一次

  场景: 无法读取的上传事件进入死信主题
    当发布一个无效的"media.upload.completed"事件，记为"坏记录"
      | rule  | required  |
      | place | /media_id |
    那么该事件在5秒内进入死信主题

  # 文档的示例代码不看 event_type，并把缺失、为空或为 null 的标识当作空字符串。
  场景: 标识缺失、为空或为 null 的上传事件进入死信主题，不会占用任何人的位置
    当发布一个无效的"media.upload.completed"事件，记为"无用户"
      | rule  | required |
      | place | /user_id |
    那么该事件在5秒内进入死信主题
    当发布一个无效的"media.upload.completed"事件，记为"空标识"
      | rule  | minLength |
      | place | /media_id |
    那么该事件在5秒内进入死信主题
    # null 或数字：由种子决定。
    当发布一个无效的"media.upload.completed"事件，记为"坏用户"
      | rule  | type     |
      | place | /user_id |
    那么该事件在5秒内进入死信主题
    当发布一个无效的"media.upload.completed"事件，记为"空值"
      | rule | null-payload |
    那么该事件在5秒内进入死信主题

  场景: 缺少 event_id 或 event_type 的上传记录进入死信主题，后面的上传照常等待
    当发布一个无效的"media.upload.completed"事件，记为"无标识"
      | rule  | missing-header  |
      | place | header event_id |
    那么该事件在5秒内进入死信主题
    当发布一个无效的"media.upload.completed"事件，记为"无类型"
      | rule  | missing-header    |
      | place | header event_type |
    那么该事件在5秒内进入死信主题
    # 键相同，所以在同一分区，排在坏记录之后。
    当发布事件"media.upload.completed"，记为"媒体"
      | user_id   | {alice}          |
      | upload_id | {无类型.upload_id} |
    那么用户"alice"的媒体"媒体"在5秒内等待关联

  场景: 设置另一前缀时，事件写入该前缀的主题
    当执行操作"upload in staging"
      | user | {alice} |
    那么3秒内出现事件"staged.media.upload.completed"

  场景: 回滚的写入不发布任何事件
    当执行操作"create post with media that is not there"
      | user    | {alice}  |
      | caption | {从未有过的标题} |
      | media   | {缺失的媒体}  |
    # 发件箱的一批会一起发出：再下一个帖子才一定排在其后。
    并且用户"alice"发布了帖子"帖子"
    那么5秒内出现事件"content.post.created"
    当用户"alice"发布了帖子"下一个帖子"
    那么5秒内出现事件"content.post.created"
    并且在此之前没有出现事件"content.post.created"
      | /caption | {从未有过的标题} |
